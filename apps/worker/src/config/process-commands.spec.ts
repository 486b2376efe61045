import { parseProcessCommands } from './process-commands.js';

describe('parseProcessCommands', () => {
  it.each<[string, unknown]>([['{}', {}], ['{"me/upscale:1":["node","main.js"]}', { 'me/upscale:1': ['node', 'main.js'] }]])('reads %s', (text, value) => {
    expect(parseProcessCommands(text)).toEqual({ ok: true, value });
  });

  it.each(['', 'node', '[]', 'null', '"x"', '{"a":"node"}', '{"a":[]}', '{"a":["node",1]}', '{"a":["node"],"b":null}'])('refuses %s', (text) => {
    const parsed = parseProcessCommands(text);
    expect(parsed.ok ? '' : parsed.expected).toMatch(/^a JSON object of image → list of words/);
  });
});
