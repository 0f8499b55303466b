/** Where the view of judgements is found (MCP Apps, extension io.modelcontextprotocol/ui, version 2026-01-26). */

export const VIEW_URI = 'ui://security-mcp/judgement.html';
export const VIEW_MIME_TYPE = 'text/html;profile=mcp-app';
