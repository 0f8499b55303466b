/** How each MCP client is told of this server: one entry, in the shape and place that the client reads. */

export const CLIENTS = ['claude-desktop', 'claude-code', 'vscode', 'cursor', 'windsurf', 'inspector'] as const;
export type Client = (typeof CLIENTS)[number];

/** What starts the server. Both paths are absolute: a desktop application has not the PATH of a shell. */
export interface Program {
  node: string;
  script: string;
}

export interface ClientEntry {
  /** The text of the configuration, or the command to run. */
  text: string;
  /** Where the text belongs. */
  place: string;
}

const NAME = 'security';

/** The entry for one client. `settings` are variables that hold no secret. */
export function clientEntry(client: Client, program: Program, settings: Readonly<Record<string, string>>): ClientEntry {
  const env = Object.keys(settings).length === 0 ? {} : { env: settings };
  const server = { command: program.node, args: [program.script], ...env };
  const common = JSON.stringify({ mcpServers: { [NAME]: server } }, null, 2);
  switch (client) {
    case 'claude-desktop':
      return {
        text: common,
        place:
          'claude_desktop_config.json (Settings > Developer > Edit Config; on macOS in ~/Library/Application Support/Claude, on Windows in %APPDATA%\\Claude), then start Claude again',
      };
    case 'claude-code': {
      const variables = Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
      const words = ['claude', 'mcp', 'add', '--scope', 'user', NAME, ...variables, '--', program.node, program.script];
      return { text: words.map(quoted).join(' '), place: 'a shell: it is a command, to be run once' };
    }
    case 'vscode':
      return {
        text: JSON.stringify({ servers: { [NAME]: { type: 'stdio', ...server } } }, null, 2),
        place: '.vscode/mcp.json of a workspace, or what "MCP: Open User Configuration" opens',
      };
    case 'cursor':
      return { text: common, place: '~/.cursor/mcp.json, or .cursor/mcp.json of a project' };
    case 'windsurf':
      return { text: common, place: '~/.codeium/windsurf/mcp_config.json' };
    case 'inspector':
      return {
        text: common,
        place: `a file, here mcp.json, for: npx @modelcontextprotocol/inspector --config mcp.json --server ${NAME}`,
      };
  }
}

/** A word for a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
