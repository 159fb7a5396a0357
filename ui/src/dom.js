/* dom.js - how every file here writes markup: h through tagged templates, and the hooks. */
import { h } from 'preact';
import htm from 'htm';

export const html = htm.bind(h);
export { render } from 'preact';
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
export { signal, computed, effect, batch } from '@preact/signals';

/** Class names, without the false ones. */
export const cls = (...names) => names.filter(Boolean).join(' ');
