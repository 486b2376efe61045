import type { EnvironmentChecks } from '../health/environment-checks.js';

/** What the worker found at its start. */
export interface EnvironmentReport {
  engine: string;
  /** Pipeline → whether its image is on the host. */
  images: Record<string, boolean>;
  workspace: string;
  modelStorage: string;
}

/**
 * Looks at everything a run needs before the first task is taken: engine, images, workspace, model store.
 * A missing image is no fault here, since it may be pulled or loaded later; the rest is.
 * @throws Error naming what is not in order
 */
export async function prepareContainerEnvironment(checks: EnvironmentChecks): Promise<EnvironmentReport> {
  const [engine, images, workspace, modelStorage] = await Promise.all([checks.engine(), checks.images(), checks.workspace(), checks.modelStorage()]);
  return { engine, images, workspace, modelStorage };
}
