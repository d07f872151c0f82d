import { Argument, type Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import type { Runner } from '../session.js';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

export const completionCommand = (program: Command, run: Runner): void => {
  program
    .command('completion')
    .summary('print a script that completes commands and options in your shell')
    .description(
      'Prints the completion script for a shell, made from the commands as they are:\n' +
        '  bash  source <(tidegate completion bash)\n' +
        '  zsh   source <(tidegate completion zsh)\n' +
        '  fish  tidegate completion fish | source',
    )
    .addArgument(new Argument('<shell>').choices(shells))
    .action((shell: Shell) =>
      run(({ terminal }) => {
        terminal.out(scripts[shell](program));
        return Promise.resolve(exitCodes.ok);
      }),
    );
};

/** The words that can follow each command. */
const words = (
  program: Command,
): readonly { readonly name: string; readonly summary: string; readonly options: readonly string[] }[] =>
  program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    options: [...command.options.flatMap(({ long }) => long ?? []), '--help'],
  }));

const bash = (program: Command): string => {
  const known = words(program);
  return `_tidegate() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then words="${known.map(({ name }) => name).join(' ')} help --help --version"
  else
    case "\${COMP_WORDS[1]}" in
${known.map(({ name, options }) => `      ${name}) words="${options.join(' ')}" ;;`).join('\n')}
    esac
  fi
  case "$word" in -*|"") COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    *) [ "$COMP_CWORD" -eq 1 ] && COMPREPLY=($(compgen -W "$words" -- "$word")) || COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -F _tidegate tidegate
`;
};

const zsh = (program: Command): string => `autoload -U +X bashcompinit && bashcompinit\n${bash(program)}`;

const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`;

const fish = (program: Command): string =>
  words(program)
    .flatMap(({ name, summary, options }) => [
      `complete -c tidegate -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
      ...options.map((option) => `complete -c tidegate -n "__fish_seen_subcommand_from ${name}" -l ${option.slice(2)}`),
    ])
    .map((line) => `${line}\n`)
    .join('');

const scripts: Readonly<Record<Shell, (program: Command) => string>> = { bash, zsh, fish };
