import Docker from 'dockerode';

/** The repository under which set-up keeps the image that it makes from the host's own node. */
const HOST_BASE_REPOSITORY = 'function-runner/node-base';

/** The local image that tests run their small programs in; it has node at {@link NODE_IN_IMAGE}. @throws Error naming the mend. */
export async function testBaseImage(): Promise<string> {
  const named = process.env['FUNCTION_RUNNER_TEST_BASE_IMAGE'];
  if (named !== undefined && named !== '') return named;
  const images = await new Docker().listImages({ filters: { reference: [HOST_BASE_REPOSITORY] } });
  const newest = images.sort((a, b) => b.Created - a.Created).flatMap(({ RepoTags }) => RepoTags ?? []).find((tag) => tag.startsWith(`${HOST_BASE_REPOSITORY}:`));
  if (newest === undefined) throw new Error(`no image ${HOST_BASE_REPOSITORY} on this host; run npm test, which makes it`);
  return newest;
}

export const NODE_IN_IMAGE = '/usr/local/bin/node';
