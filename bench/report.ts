/** What a benchmark found, as tables for people and as JSON for machines. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const root = join(import.meta.dirname, '..');

const Cell = z.union([z.string(), z.number(), z.null()]);
const Table = z.object({
  title: z.string(),
  /** Key of the cells -> title and, for numbers, decimals. */
  columns: z.array(z.object({ key: z.string(), title: z.string(), digits: z.int().optional() })),
  rows: z.array(z.record(z.string(), Cell)),
});
const Report = z.object({
  group: z.string(),
  command: z.string(),
  started_at: z.string(),
  seconds: z.number(),
  machine: z.object({
    cpu: z.string(),
    cores: z.int(),
    memory_gib: z.number(),
    node: z.string(),
    platform: z.string(),
  }),
  /** One minute's average before the first measurement: far above 0 means that others used the machine. */
  load_before: z.number(),
  tables: z.array(Table),
});
export type Table = z.output<typeof Table>;
export type Report = z.output<typeof Report>;
type Cell = z.output<typeof Cell>;

export function reportPath(group: string): string {
  return join(root, 'reports', 'bench', `${group}.json`);
}

export function readReport(group: string): Report {
  return Report.parse(JSON.parse(readFileSync(reportPath(group), 'utf8')));
}

/** The last two cells of a row that has a budget. */
export function budget(measured: number, sign: '<=' | '<' | '>=', limit: number, unit = '') {
  const isMet = { '<=': measured <= limit, '<': measured < limit, '>=': measured >= limit }[sign];
  return { budget: `${sign} ${limit}${unit === '' ? '' : ` ${unit}`}`, met: isMet ? 'yes' : 'NO' };
}

export const noBudget = { budget: null, met: null };
export const budgetColumns = [
  { key: 'budget', title: 'budget' },
  { key: 'met', title: 'met' },
];

function shown(cell: Cell | undefined, digits: number | undefined): string {
  if (cell === undefined || cell === null) return '';
  if (typeof cell === 'string') return cell;
  return cell.toLocaleString('en-US', { minimumFractionDigits: digits ?? 0, maximumFractionDigits: digits ?? 0 });
}

/** Titles and rows as text, every cell as wide as the widest of its column. */
function grid(table: Table): { lines: string[][]; widths: number[]; isNumeric: boolean[] } {
  const { columns, rows } = table;
  const body = rows.map((row) => columns.map(({ key, digits }) => shown(row[key], digits)));
  const lines = [columns.map((column) => column.title), ...body];
  const widths = columns.map((_, at) => Math.max(3, ...lines.map((line) => line[at]?.length ?? 0)));
  const isNumeric = columns.map(({ key }) => rows.some((row) => typeof row[key] === 'number'));
  const padded = lines.map((line) =>
    line.map((text, at) => (isNumeric[at] ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0))),
  );
  return { lines: padded, widths, isNumeric };
}

function plainText(table: Table): string {
  const { lines, widths } = grid(table);
  const [head = [], ...body] = lines.map((line) => `  ${line.join('   ')}`.trimEnd());
  return [table.title, head, `  ${widths.map((width) => '-'.repeat(width)).join('   ')}`, ...body].join('\n');
}

function markdown(table: Table): string {
  const { lines, widths, isNumeric } = grid(table);
  const [head = [], ...body] = lines;
  const rule = widths.map((width, at) => (isNumeric[at] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  const tableLines = [head, rule, ...body].map((line) => `| ${line.join(' | ')} |`);
  return [`**${table.title}**`, '', ...tableLines].join('\n');
}

/** Text of docs/performance.md between the markers of one group. */
export function toMarkdown(report: Report): string {
  const { machine } = report;
  const where = `${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB, ${machine.platform}, Node ${machine.node}`;
  const when = `${report.started_at.slice(0, 16).replace('T', ' ')} UTC`;
  const load = `load average before ${report.load_before.toFixed(1)}`;
  return [
    ...report.tables.map((table) => `${markdown(table)}\n`),
    `\`${report.command}\` on ${where}; ${when}, ${Math.round(report.seconds)} s, ${load}.`,
  ].join('\n');
}

/** Runs a group of measurements, prints its tables and leaves them as JSON in `reports/bench/`. */
export async function runBench(group: string, measure: () => Promise<Table[]>): Promise<void> {
  const startedAtMs = Date.now();
  const loadBefore = loadavg()[0] ?? 0;
  const tables = await measure();
  const report: Report = {
    group,
    command: `npm run bench -- ${group}`,
    started_at: new Date(startedAtMs).toISOString(),
    seconds: (Date.now() - startedAtMs) / 1000,
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memory_gib: Math.round(totalmem() / 2 ** 30),
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
    },
    load_before: Math.round(loadBefore * 100) / 100,
    tables,
  };
  mkdirSync(join(root, 'reports', 'bench'), { recursive: true });
  writeFileSync(reportPath(group), `${JSON.stringify(report, null, 2)}\n`);
  for (const table of tables) console.log(`\n${plainText(table)}`);
  console.log(`\n  ${report.seconds.toFixed(0)} s, load average before ${report.load_before}`);
}
