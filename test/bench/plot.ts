import { reached, valueAt, type Reached } from './goals.js';

// The results of a run as a picture: how far each ratio is from its goal, and the latencies at half load.

const WIDTH = 860;
const LABELS = 390;
const ROW = 24;
const BARS = WIDTH - LABELS - 130;
/** The goal stands here; a bar that is twice as good as its goal, or better, fills the row. */
const GOAL_X = LABELS + BARS / 2;
const CHART = 220;
const MET = '#2a7f62';
const MISSED = '#b3541e';
const GREY = '#555';

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const text = (x: number, y: number, said: string, more = ''): string =>
  `<text x="${x}" y="${y}" ${more}>${escaped(said)}</text>`;

const bar = ({ label, value, goal, is, isMet }: Reached, y: number): string => {
  const reach = Math.min(2, is === 'at least' ? value / goal : goal / value);
  const width = Number(((reach * BARS) / 2).toFixed(1));
  return [
    text(LABELS - 8, y + 16, label, 'text-anchor="end"'),
    `<rect x="${LABELS}" y="${y + 4}" width="${width}" height="${ROW - 8}" fill="${isMet ? MET : MISSED}"/>`,
    text(LABELS + BARS + 8, y + 16, `${value} (${is} ${goal})`),
  ].join('\n');
};

const percentiles = [
  ['p50', 'p50Ms'],
  ['p90', 'p90Ms'],
  ['p99', 'p99Ms'],
  ['p99.9', 'p999Ms'],
  ['max', 'worstMs'],
] as const;

const curve = (latencies: readonly number[], color: string, at: (index: number, ms: number) => string): string =>
  `<polyline fill="none" stroke="${color}" stroke-width="2" points="${latencies.map((ms, index) => at(index, ms)).join(' ')}"/>`;

/** Latency by percentile, milliseconds on a scale of powers of ten. */
const latencyChart = (results: unknown, top: number): string => {
  const of = (who: string): readonly number[] =>
    percentiles.flatMap(([, field]) => {
      const ms = valueAt(results, `kafka.halfLoad.${who}.${field}`);
      return typeof ms === 'number' && ms > 0 ? [ms] : [];
    });
  const [gate, through] = [of('gate'), of('passThrough')];
  if (gate.length < percentiles.length || through.length < percentiles.length) return '';
  const decades = Math.ceil(Math.log10(Math.max(...gate, ...through)));
  const left = 90;
  const step = (WIDTH - left - 130) / (percentiles.length - 1);
  const y = (ms: number): number =>
    Number((top + 30 + (CHART - 60) * (1 - Math.max(0, Math.log10(ms)) / decades)).toFixed(1));
  const at = (index: number, ms: number): string => `${left + index * step},${y(ms)}`;
  const end = left + (percentiles.length - 1) * step;
  return [
    text(left, top + 14, 'From due to command at half load, ms', 'font-weight="bold"'),
    ...Array.from({ length: decades + 1 }, (_, decade) => [
      `<line x1="${left}" x2="${end}" y1="${y(10 ** decade)}" y2="${y(10 ** decade)}" stroke="#ddd"/>`,
      text(left - 8, y(10 ** decade) + 4, String(10 ** decade), 'text-anchor="end"'),
    ]).flat(),
    ...percentiles.map(([name], index) => text(left + index * step, top + CHART - 8, name, 'text-anchor="middle"')),
    curve(gate, MET, at),
    curve(through, GREY, at),
    text(end + 8, y(gate.at(-1) ?? 1) + 4, 'gate', `fill="${MET}"`),
    text(end + 8, y(through.at(-1) ?? 1) + 4, 'pass-through', `fill="${GREY}"`),
  ].join('\n');
};

export const svgOf = (results: unknown): string => {
  const all = reached(results);
  const bars = 40 + all.length * ROW;
  const latency = latencyChart(results, bars + 20);
  const height = bars + (latency === '' ? 40 : CHART + 50);
  const said = (name: string): string => String(valueAt(results, name));
  const kind = valueAt(results, 'quick') === true ? ', a quick run' : '';
  const where = `${said('machine')}, ${said('at').slice(0, 10)}${kind}, load before it ${said('loadBefore')}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${text(GOAL_X, 18, 'goal', 'text-anchor="middle" font-weight="bold"')}
${all.map((goal, index) => bar(goal, 28 + index * ROW)).join('\n')}
<line x1="${GOAL_X}" x2="${GOAL_X}" y1="24" y2="${28 + all.length * ROW}" stroke="#000" stroke-dasharray="4 3"/>
${latency}
${text(8, height - 10, where, `fill="${GREY}" font-size="11"`)}
</svg>
`;
};
