export { fillerHaystack, type Haystack, textHaystack } from './haystack.js';
export { MAX_NEEDLES, type NeedleSettings, needleTask } from './needle.js';
export { type NeedleDocument, type NeedleDocumentRequest, needleDocument } from './needle-document.js';
export { PASSKEY_PROTOCOLS, type PasskeyProtocol, passkeyTask } from './passkey.js';
export {
  RowRefused,
  type RowRequest,
  type SyntheticRow,
  type SyntheticTask,
} from './row.js';
export { RULER_TASK_NAMES, RULER_TASKS } from './ruler/tasks.js';
