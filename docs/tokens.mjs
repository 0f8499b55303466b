/** Prints what every tool costs a model to read, in tokens (`npm run tokens`). Exits 1 where a budget is exceeded. */

import { readFileSync } from 'node:fs';

import { catalogue } from '../build/tools/index.js';
import { describeTool } from '../build/tools/tool.js';
import { BUDGET, median, tokensOf, tokensOfList, tokensOfTool } from './token-count.mjs';

const examples = new Map(
  JSON.parse(readFileSync('docs/examples.json', 'utf8')).map(({ tool, answer }) => [tool, answer]),
);
const listing = catalogue().map(describeTool);
const rows = listing.map((listed) => ({
  name: listed.name,
  ...tokensOfTool(listed),
  answer: tokensOf(examples.get(listed.name)),
}));
const whole = tokensOfList(listing);
const middle = median(rows.map(({ answer }) => answer));

const line = (name, ...numbers) =>
  console.log(name.padEnd(22) + numbers.map((number) => String(number).padStart(16)).join(''));
line('tool', 'without output', 'with output', 'example answer');
for (const { name, withoutOutput, withOutput, answer } of rows) line(name, withoutOutput, withOutput, answer);
console.log();
line('the whole list', whole.withoutOutput, whole.withOutput, '');
line('at most', BUDGET.withoutOutput, BUDGET.withOutput, '');
line('the largest tool', '', Math.max(...rows.map(({ withOutput }) => withOutput)), '');
line('at most', '', BUDGET.oneTool, '');
line('the median answer', '', '', middle);
line('at most', '', '', BUDGET.medianAnswer);

const isOver =
  whole.withoutOutput > BUDGET.withoutOutput ||
  whole.withOutput > BUDGET.withOutput ||
  rows.some(({ withOutput }) => withOutput > BUDGET.oneTool) ||
  middle > BUDGET.medianAnswer;
process.exitCode = isOver ? 1 : 0;
