/** Measuring side by side: interleaved rounds, medians, and a table in which every figure is a ratio with its raw medians. */

/** The middle of `values`; of an even number the mean of the two in the middle. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Runs each of `contestants` once a round, in turn, so that a slow spell of the machine hits all alike, and each round begins with
 * another one, so that none always follows the same; gives the samples by name. Each contestant returns its own measurement.
 */
export async function interleave(rounds, contestants) {
  const samples = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  const turns = Object.entries(contestants);
  for (let round = 0; round < rounds; round++) {
    const first = round % turns.length;
    for (const [name, measure] of [...turns.slice(first), ...turns.slice(0, first)])
      samples[name].push(await measure());
  }
  return samples;
}

/** Milliseconds that one run of `work` takes. */
export async function timeMs(work) {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

/** A contestant that runs `work` `times` in a row and gives the microseconds of one. */
export function perCallUs(times, work) {
  return async () => {
    const ms = await timeMs(async () => {
      for (let call = 0; call < times; call++) await work();
    });
    return (ms * 1000) / times;
  };
}

const UNITS = {
  us: (value) => `${value.toFixed(value < 100 ? 1 : 0)} us`,
  ms: (value) => `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ms`,
  MiBperSecond: (value) => `${value.toFixed(0)} MiB/s`,
  MiB: (value) => `${value.toFixed(0)} MiB`,
  perSecond: (value) => `${value.toFixed(value < 100 ? 1 : 0)}/s`,
};

/**
 * One line of the table. `ours` and `reference` are raw medians in `unit`; `goal` is `{atMost}`, `{atLeast}` or `{within}` (a part of
 * one, either way) for the ratio, or `{under}` for `ours` itself.
 */
export function row({ what, ours, reference, unit, against, goal }) {
  return { what, ours, reference, unit, against, goal, ratio: ours / reference };
}

function goalText({ goal, ratio, ours, unit }) {
  if (goal === undefined) return '';
  const [kind] = Object.keys(goal);
  const met = {
    atMost: ratio <= goal.atMost,
    atLeast: ratio >= goal.atLeast,
    within: Math.abs(ratio - 1) <= goal.within,
    under: ours < goal.under,
  }[kind];
  const wanted = {
    atMost: `at most ${goal.atMost}`,
    atLeast: `at least ${goal.atLeast}`,
    within: `within ${goal.within * 100} %`,
    under: `under ${UNITS[unit](goal.under ?? 0)}`,
  }[kind];
  return `${wanted}: ${met ? 'met' : 'MISSED'}`;
}

/** The rows of a part as aligned lines. */
export function tableOf(rows) {
  const cells = rows.map((entry) => [
    entry.what,
    entry.ratio.toFixed(entry.ratio < 0.1 ? 3 : entry.ratio < 10 ? 2 : 1),
    UNITS[entry.unit](entry.ours),
    UNITS[entry.unit](entry.reference),
    entry.against,
    goalText(entry),
  ]);
  const lines = [['', 'ratio', 'ours', 'reference', 'reference is', 'goal'], ...cells];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const numeric = new Set([1, 2, 3]);
  return lines
    .map((line) =>
      line
        .map((cell, column) => (numeric.has(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
