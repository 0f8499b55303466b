export interface TokenCosts {
  withoutOutput: number;
  withOutput: number;
}
export const BUDGET: TokenCosts & { tools: number; oneTool: number; medianAnswer: number };
export function tokensOf(value: unknown): number;
export function tokensOfTool(listed: { outputSchema: unknown }): TokenCosts;
export function tokensOfList(listing: readonly { outputSchema: unknown }[]): TokenCosts;
export function median(numbers: readonly number[]): number;
