/**
 * The project that the next container of a pipeline is to be started for: one that has the fewest of them, and of those
 * the one that used the pipeline last. Pure.
 *
 * @param recent the last one first
 * @param served the project of each container that there is
 */
export function chooseProject<T extends { name: string }>(recent: readonly T[], served: readonly (string | undefined)[]): T | undefined {
  let best: { project: T; containers: number } | undefined;
  for (const project of recent) {
    const containers = served.filter((name) => name === project.name).length;
    if (best === undefined || containers < best.containers) best = { project, containers };
  }
  return best?.project;
}
