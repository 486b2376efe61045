/** The folder of a node's takes, as the container and the client name it. */
export function outputPath(projectName: string, nodeId: string): string {
  return `/workspace/${projectName}/outputs/renders/${nodeId}`;
}
