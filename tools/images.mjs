// @ts-check
// `npm run images`: the images of the pipelines and of the apps, for running everything in containers
// (docs/operations.md, "In containers"). What is up to date stays.
import { ensureAppImage } from './setup/app-image.step.mjs';
import { buildApps } from './setup/build.step.mjs';
import { ensureContainerEngine } from './setup/container-engine.step.mjs';
import { runProgram } from './setup/program.mjs';
import { setUpDependencies, setUpImages, setUpNode } from './setup/set-up.mjs';
import { SetupError } from './setup/setup-error.mjs';

void runProgram(async (context) => {
  const { report } = context;
  await setUpNode(context);
  const engine = await report.step('Container engine', (say) => ensureContainerEngine(context, say));
  const { docker } = engine;
  if (!docker) throw new SetupError('There is no container engine to build images with.', 'Start Docker, or set DOCKER_HOST; npm run doctor says what is missing.');
  await setUpDependencies(context);
  await report.step('Build', (say) => buildApps(context, say));
  const { base } = await setUpImages(context, engine);
  if (!base) throw new Error('an engine, but no base image');
  await report.step('App image', (say) => ensureAppImage(context, docker, base, say));
  return 0;
});
