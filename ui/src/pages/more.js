/* more.js - the pages that are not a start page: one script, loaded when the first of them opens. */
export { Topics } from './topics.js';
export { Groups } from './groups.js';
export { Tables } from './tables.js';
export { Quarantine } from './quarantine.js';
export { Alerts } from './alerts.js';
export { Schemas } from './schemas.js';
