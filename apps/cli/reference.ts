import { exitCodes, meanings } from './exit-codes.js';
import { createProgram } from './program.js';

export const REFERENCE_FILE = 'docs/reference/cli.md';

const WIDTH = 100;

/** The page on the command line, from the program itself. */
export const cliReference = (): string => {
  const program = createProgram(() => Promise.resolve(), '');
  const all = program.commands.flatMap((command) => (command.commands.length > 0 ? command.commands : [command]));
  const commands = all.map((command) => {
    command.configureOutput({ getOutHelpWidth: () => WIDTH });
    const parent = command.parent === program ? '' : `${command.parent?.name() ?? ''} `;
    return `## ${parent}${command.name()}\n\n\`\`\`\n${command.helpInformation().trimEnd()}\n\`\`\`\n`;
  });
  const codes = Object.entries(exitCodes).map(
    ([name, code]) => `- \`${code}\`: ${meanings[name as keyof typeof exitCodes]}`,
  );
  return `# Command line

\`npm run -s tidegate -- <command>\` builds and runs it; \`node dist/apps/cli/main.js\` runs what is built; \`npm link\` puts \`tidegate\` on the path.

It reads the same environment as the service ([configuration](configuration.md)) and needs only the event store: no queue, no read model; \`rebuild\`, \`export\` and \`keys\` the database of the read models as well. \`copy\` alone takes URLs instead. An embedded store belongs to one process at a time: while the service runs on it, every command ends with 75 and says so. On Postgres and EventStoreDB it can run beside the service.

Results go to standard output, progress and errors to standard error: a bar where that is a terminal, else a line every few seconds. With \`--json\` the result is one JSON object, instants as RFC 3339, nothing personal in it.

Exit codes:

${codes.join('\n')}

${commands.join('\n')}`;
};
