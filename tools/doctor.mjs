// @ts-check
// `npm run doctor`: what is here and what is not, each with its mend. Changes nothing; ends with 1 if something fails.
import process from 'node:process';
import { diagnose } from './setup/diagnosis.mjs';
import { repositoryRoot, runnerPaths } from './setup/runner-paths.mjs';
import { lookOf, stepLine } from './setup/step-report.mjs';

// A reader that went away (`npm run doctor | head`) has seen enough.
process.stdout.on('error', () => undefined);
const findings = await diagnose(runnerPaths(repositoryRoot, process.env), process.env);
const look = lookOf(process.stdout, process.env);
for (const { name, mark, detail, mend } of findings) {
  process.stdout.write(`${stepLine({ mark, name, detail }, look)}\n`);
  if (mend) process.stdout.write(`${stepLine({ mark, name: '', detail: mend }, { color: false, unicode: look.unicode }).replace(/^\S+/, (sign) => ' '.repeat(sign.length))}\n`);
}
const failed = findings.filter(({ mark }) => mark === 'fail').length;
const warned = findings.filter(({ mark }) => mark === 'warn').length;
process.stdout.write(`\n${failed === 0 ? 'npm start can run here' : `${failed} to mend before npm start can run here`}${warned > 0 ? `, ${warned} to know about` : ''}.\n`);
process.exitCode = failed > 0 ? 1 : 0;
