/** Why a text is no path inside its project. */
export type ProjectPathFault = 'empty' | 'too-long' | 'control-character' | 'backslash' | 'absolute' | 'leaves-project';

/** A path inside the project, relative to the project's folder and without `.` segments, or the fault. */
export type ProjectPath = { ok: true; relative: string } | { ok: false; fault: ProjectPathFault };

/** Longest path taken, in characters; PATH_MAX of Linux less room for the workspace's own prefix. */
const MAX_LENGTH = 3072;

/**
 * Reads a client's path: relative to the project's folder, or absolute below `/workspace/<project name>/`
 * as a finished take is announced. This is grammar alone; symbolic links are the resolver's business.
 */
export function parseProjectPath(text: string, projectName: string): ProjectPath {
  if (text.trim() === '') return { ok: false, fault: 'empty' };
  if (text.length > MAX_LENGTH) return { ok: false, fault: 'too-long' };
  // eslint-disable-next-line no-control-regex -- control characters are exactly what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return { ok: false, fault: 'control-character' };
  if (text.includes('\\')) return { ok: false, fault: 'backslash' };
  const own = `/workspace/${projectName}/`;
  const relative = text.startsWith(own) ? text.slice(own.length) : text;
  if (relative.startsWith('/')) return { ok: false, fault: 'absolute' };
  const segments = relative.split('/').filter((segment) => segment !== '' && segment !== '.');
  // Percent-encoded dots are refused too: whatever decodes them later would leave the project.
  if (segments.some((segment) => /^(\.|%2e){2}$/i.test(segment) || /%2f|%5c|%00/i.test(segment))) return { ok: false, fault: 'leaves-project' };
  const path = segments.join('/');
  return path.trim() === '' ? { ok: false, fault: 'empty' } : { ok: true, relative: path };
}
