/** An id that a client chooses for a node or a project: it becomes a path segment and a part of a key. */
export const CLIENT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** A project's name: a folder's name in the workspace, on any file system. */
export const PROJECT_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9_-])?$/;

/** A UUIDv7 (RFC 9562), as every task id is. */
export const TASK_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Any printable token that a client sends to recognise its own request: 1–128 characters. */
export const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;
