/** Whether something is mounted at a folder or below it, by the text of /proc/self/mountinfo. Pure. */
export function holdsMount(mountinfo: string, folder: string): boolean {
  return mountinfo.split('\n').some((line) => {
    // Fields: id, parent, device, root, mount point, …
    const point = line.split(' ')[4]?.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
    return point === folder || point?.startsWith(`${folder}/`) === true;
  });
}
