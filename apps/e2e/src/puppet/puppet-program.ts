/**
 * The program of the test pipeline: it does what its parameters say, by protocol `stdio`, and nothing else.
 * A gate is a file of the project that the program waits for, so that a test decides when a run goes on.
 */
export const PUPPET_PROGRAM = `
const { existsSync, writeFileSync } = require('node:fs');
let text = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).on('end', () => run(JSON.parse(text)));
const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n');
async function run({ taskId, attempt, parameters: wish, outputDir }) {
  const project = wish.output_path.split('/')[2];
  if (wish.ignore_term) process.on('SIGTERM', () => console.error('SIGTERM is ignored'));
  const keepAlive = setInterval(() => undefined, 1000);
  const steps = wish.steps ?? 3;
  for (let step = 1; step <= steps; step += 1) say({ type: 'progress', progress: step * 50 / steps, step: 'step ' + step + ' of ' + steps });
  for (const line of wish.log ?? []) console.error(line);
  if (wish.ignore_term) say({ type: 'progress', progress: 60, step: 'deaf' });
  if (wish.gate) await open(process.env.WORKSPACE_PATH + '/' + project + '/' + wish.gate);
  if (wish.memory_mib) { const held = []; for (let i = 0; i < wish.memory_mib; i += 1) held.push(Buffer.alloc(1048576, i + 1)); }
  if (wish.exit_code !== undefined) process.exit(wish.exit_code);
  if (wish.output !== false) {
    writeFileSync(outputDir + '/note.txt', 'made by the puppet');
    say({ type: 'output', path: 'note.txt', mediaType: 'text/plain' });
  }
  say({ type: 'progress', progress: 99, step: 'written' });
  clearInterval(keepAlive);
}
function open(gate) {
  return new Promise((resolve) => {
    const look = () => existsSync(gate) ? resolve() : setTimeout(look, 20);
    look();
  });
}
`;
