/* code.js - coloured text: JSON re-indented without parsing its numbers, SQL and YAML by word.
 * Everything becomes text nodes; nothing from the server is ever markup. */
import { html } from '../dom.js';
import { CopyButton } from './common.js';

const SQL = new Set(
    (
        'select from where as and or not in is null case when then else end cast create insert ' +
        'into values group by order having join left right inner outer full on union all distinct limit stream ' +
        'watermark delay of interval window tumble hop session rlike like between with table streaming string ' +
        'int bigint double timestamp date boolean true false minute minutes second seconds hour hours'
    ).split(' '),
);
const RULES = {
    json: [
        /"(?:[^"\\]|\\.)*"(?=\s*:)/y,
        'key',
        /"(?:[^"\\]|\\.)*"/y,
        'str',
        /-?\d[\d.eE+-]*/y,
        'num',
        /\b(?:true|false|null)\b/y,
        'word',
    ],
    sql: [
        /--[^\n]*/y,
        'rem',
        /'(?:[^']|'')*'/y,
        'str',
        /\b\d[\d.]*\b/y,
        'num',
        /[A-Za-z_]\w*/y,
        'sql',
    ],
    yaml: [
        /#[^\n]*/y,
        'rem',
        /^[ \t-]*[\w.$-]+(?=:(?:\s|$))/my,
        'key',
        /'[^'\n]*'|"[^"\n]*"/y,
        'str',
        /[A-Za-z_][\w.-]*/y,
        'sql',
        /\b\d[\d.]*\b/y,
        'num',
    ],
};

function spans(text, lang) {
    const rules = RULES[lang],
        out = [];
    if (!rules) return [text];
    let plain = '',
        pos = 0;
    while (pos < text.length) {
        let hit = null,
            kind = '';
        for (let i = 0; i < rules.length && !hit; i += 2) {
            rules[i].lastIndex = pos;
            hit = rules[i].exec(text)?.[0];
            kind = rules[i + 1];
        }
        if (!hit) {
            plain += text[pos++];
            continue;
        }
        pos += hit.length;
        if (kind === 'sql' && !SQL.has(hit.toLowerCase())) {
            plain += hit;
            continue;
        }
        if (plain) out.push(plain);
        plain = '';
        out.push(html`<span class=${'c-' + (kind === 'sql' ? 'word' : kind)}>${hit}</span>`);
    }
    if (plain) out.push(plain);
    return out;
}

/** Re-indents JSON by its tokens, so 64-bit numbers keep every digit; null when it is not JSON. */
export function indentJson(text) {
    const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g);
    if (!tokens || !/^[{[]$/.test(tokens[0])) return null;
    try {
        JSON.parse(text);
    } catch {
        return null;
    }
    let depth = 0,
        out = '';
    tokens.forEach((token, i) => {
        if (token === '{' || token === '[') {
            const shut = tokens[i + 1] === '}' || tokens[i + 1] === ']';
            depth++;
            out += token + (shut ? '' : '\n' + '  '.repeat(depth));
        } else if (token === '}' || token === ']') {
            const wasOpen = tokens[i - 1] === '{' || tokens[i - 1] === '[';
            depth--;
            out += (wasOpen ? '' : '\n' + '  '.repeat(depth)) + token;
        } else if (token === ',') out += ',\n' + '  '.repeat(depth);
        else out += token === ':' ? ': ' : token;
    });
    return out;
}

export function Code({ text, lang, label = 'Code', wrap }) {
    const shown = lang === 'json' ? (indentJson(text) ?? text) : text;
    return html`<div class="code-box">
        <div class="code-tools"><${CopyButton} text=${shown}
            label=${'Copy ' + label.toLowerCase()} /></div>
        <pre class=${wrap ? 'code wrap' : 'code'} tabindex="0" role="region" aria-label=${label}>
            <code>${spans(shown, lang)}</code></pre>
    </div>`;
}
