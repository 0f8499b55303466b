/** What the tools cost a model to read, in tokens, and what they may cost: for `npm run tokens` and the tests. */

import { encode } from 'gpt-tokenizer';

/** At most: tools, tokens of the whole list, of one tool with its output schema, and of half of the documented answers. */
export const BUDGET = {
  tools: 24,
  withoutOutput: 4_400,
  withOutput: 7_500,
  oneTool: 700,
  medianAnswer: 600,
};

/** The tokens of a value as JSON, in the encoding o200k. */
export function tokensOf(value) {
  return encode(JSON.stringify(value)).length;
}

/** Of a listed tool (`describeTool`): its tokens without and with its output schema. */
export function tokensOfTool(listed) {
  const { outputSchema: _output, ...rest } = listed;
  return { withoutOutput: tokensOf(rest), withOutput: tokensOf(listed) };
}

/** Of the whole list, as `tools/list` answers it. */
export function tokensOfList(listing) {
  const bare = listing.map(({ outputSchema: _output, ...rest }) => rest);
  return { withoutOutput: tokensOf({ tools: bare }), withOutput: tokensOf({ tools: listing }) };
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
