/** Where the view of judgements is found (MCP Apps, extension io.modelcontextprotocol/ui, version 2026-01-26). */

export const VIEW_URI = 'ui://security-mcp/judgement.html';
export const VIEW_MIME_TYPE = 'text/html;profile=mcp-app';

/** What a host is to be told beside the page: nothing is fetched, and the cards have borders of their own. */
export const VIEW_META = { ui: { prefersBorder: false } } as const;
