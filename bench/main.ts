/**
 * `npm run bench`: how fast it is, as ratios against a floor that is measured side by side in the same run, since the
 * machine's own speed says nothing. `npm run bench -- http` runs one of them.
 */
import { benchApprovalWindows } from './approval-windows.js';
import { benchGrowth } from './growth.js';
import { benchHttp } from './http.js';
import { benchObservation } from './observation.js';
import { formatTable, type Measurement } from './report.js';
import { benchSweep } from './sweep.js';
import { benchTimeToRunning } from './time-to-running.js';

const BENCHES = {
  http: benchHttp,
  'time-to-running': benchTimeToRunning,
  'approval-windows': benchApprovalWindows,
  sweep: benchSweep,
  growth: benchGrowth,
  observation: benchObservation,
} as const satisfies Record<string, () => Promise<Measurement[]>>;

const names = Object.keys(BENCHES) as (keyof typeof BENCHES)[];
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(names as string[]).includes(name));
if (unknown.length > 0) {
  process.stderr.write(`bench: there is no ${unknown.join(', ')}; there are ${names.join(', ')}.\n`);
  process.exit(1);
}

const measurements: Measurement[] = [];
for (const name of names) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  try {
    measurements.push(...(await BENCHES[name]()));
  } catch (error) {
    // What the others have measured is not lost with it.
    process.stderr.write(`bench: ${name} failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}
process.stdout.write(`${formatTable(measurements)}\n`);
