import { envExample, environmentVariables } from './environment.js';
import { PrometheusTelemetry } from './metrics.js';

/** The files that are written from the code, by their paths in the repository. */
export const referenceFiles = (): ReadonlyMap<string, string> =>
  new Map([
    ['.env.example', envExample()],
    ['docs/reference/configuration.md', configurationPage()],
    ['docs/reference/metrics.md', metricsPage()],
  ]);

const configurationPage = (): string => `# Configuration

Environment variables; an empty one counts as unset. At the start all that is wrong is reported at once, and the process exits with 78. A variable that begins with \`TIDEGATE_\` and is not listed here is an error, because a misspelt one would mean its default. Kubernetes makes such variables for a Service whose name begins with \`tidegate\`: set \`enableServiceLinks: false\` on the pods.

${table(
  ['Variable', 'Default', 'Meaning'],
  environmentVariables().map(({ name, about, default: value }) => [
    code(name),
    value === undefined ? '' : code(value),
    about.join(' '),
  ]),
)}`;

const metricsPage = (): string => `# Metrics

Served at \`/metrics\` for Prometheus. Labels come from closed lists: never an account, a customer or a phone number.

${table(
  ['Metric', 'Kind', 'Labels', 'Meaning'],
  new PrometheusTelemetry()
    .describe()
    .map(({ name, kind, labels, help }) => [code(name), kind, labels.map(code).join(', '), help]),
)}`;

const code = (text: string): string => `\`${text}\``;

/** Laid out as the formatter does it, so that formatting never makes a generated file differ. */
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '\\<')));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |\n`;
  const [first = [], ...others] = cells;
  return [line(first), line(widths.map((width) => '-'.repeat(width))), ...others.map(line)].join('');
};
