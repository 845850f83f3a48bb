"use strict";
/* The page: a state, weights decoded when they are first looked at, three views on one
 * canvas that is never larger than the window (the scroll bars belong to an empty room). */
(function () {
const $ = id => document.getElementById(id);
const data = JSON.parse($("attend-data").textContent);
const stage = $("stage"), room = $("room"), canvas = $("canvas"), tip = $("tip");
const ctx = canvas.getContext("2d");
const VIEWS = ["matrix", "links", "overview"];
const FONT = '"DejaVu Sans", Verdana, "Noto Sans", "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif';
const state = { map: 0, layer: data.layer, head: data.head, view: "matrix", dark: data.dark,
                limit: 0, zoom: 0, row: -1, col: -1, held: false };
const map = () => data.maps[state.map];

/* --- weights --- */

function bytesOf(id) {
    const text = atob($(id).textContent), n = text.length, out = new Uint8Array(n);
    for (let i = 0; i < n; i++) out[i] = text.charCodeAt(i);
    return out;
}

let halves = null;
function halfTable() {
    if (halves) return halves;
    halves = new Float32Array(65536);
    for (let h = 0; h < 65536; h++) {
        const e = h >> 10 & 31, m = h & 1023;
        const v = e === 0 ? m * Math.pow(2, -24) : (1 + m / 1024) * Math.pow(2, e - 15);
        halves[h] = h & 32768 ? -v : v;
    }
    return halves;
}

function decode(index, l, h) {
    const id = "w" + index + "-" + l + "-" + h, raw = bytesOf(id), m = data.maps[index];
    const out = new Float32Array(m.rows * m.cols);
    if (m.bits8) {
        const hi = Number($(id).dataset.hi), step = new Float32Array(256);
        for (let i = 0; i < 256; i++) step[i] = i * i / 65025 * hi;
        for (let i = 0; i < out.length; i++) out[i] = step[raw[i]];
    } else {
        const table = halfTable();
        for (let i = 0; i < out.length; i++) out[i] = table[raw[2 * i] | raw[2 * i + 1] << 8];
    }
    return out;
}

/* The last few heads and means; a Map keeps the order of use. */
const cache = new Map();
function weights(index, l, h) {
    const key = index + "/" + l + "/" + h, m = data.maps[index];
    let w = cache.get(key);
    if (w) cache.delete(key);
    else if (l && h) w = decode(index, l, h);
    else {
        const sum = new Float64Array(m.rows * m.cols);
        let n = 0;
        for (let a = l || 1; a <= (l || m.layers); a++) {
            for (let b = h || 1; b <= (h || m.heads); b++, n++) {
                const one = cache.get(index + "/" + a + "/" + b) || decode(index, a, b);
                for (let i = 0; i < sum.length; i++) sum[i] += one[i];
            }
        }
        w = new Float32Array(sum.length);
        for (let i = 0; i < w.length; i++) w[i] = sum[i] / n;
    }
    cache.set(key, w);
    const keep = Math.max(4, Math.floor(6e6 / w.length));
    while (cache.size > keep) cache.delete(cache.keys().next().value);
    return w;
}
const now = () => weights(state.map, state.layer, state.head);

let range = null;
function scale() {
    const w = now();
    if (range && range.of === w) return range;
    let lo = 0, hi = 0;
    for (let i = 0; i < w.length; i++) { if (w[i] > hi) hi = w[i]; if (w[i] < lo) lo = w[i]; }
    if (lo < 0) { hi = Math.max(hi, -lo); lo = -hi; }
    range = { of: w, lo, hi: hi > lo ? hi : lo + 1 };
    return range;
}
const limit = () => state.limit > 0 ? state.limit / 100 * scale().hi : -Infinity;
const shown = v => Number(v.toPrecision(3)).toString();

/* --- colours --- */

const palettes = {};
function palette() {
    const name = (state.dark ? "night" : "light") + (map().lo < 0 ? "Signed" : "");
    if (!palettes[name]) {
        const text = atob(data[name]);
        palettes[name] = Uint8Array.from(text, c => c.charCodeAt(0));
    }
    return palettes[name];
}
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let theme = {};
function readTheme() {
    for (const n of ["paper", "ink", "muted", "rule", "panel", "accent"]) theme[n] = css("--" + n);
}

/* A bitmap with one pixel a cell, kept until the weights, the limit or the colours change. */
let bitmap = { key: "" };
function bitmapOf(w, cols, rows, lo, hi, below, key) {
    if (bitmap.key === key) return bitmap.canvas;
    const c = document.createElement("canvas");
    c.width = cols; c.height = rows;
    const im = c.getContext("2d").createImageData(cols, rows), p = palette(), px = im.data;
    for (let i = 0; i < rows * cols; i++) {
        let f = ((Math.abs(w[i]) < below ? 0 : w[i]) - lo) / (hi - lo);
        f = f > 0 ? f < 1 ? f : 1 : 0;
        const k = 3 * Math.round(f * 255);
        px[4 * i] = p[k]; px[4 * i + 1] = p[k + 1]; px[4 * i + 2] = p[k + 2]; px[4 * i + 3] = 255;
    }
    c.getContext("2d").putImageData(im, 0, 0);
    bitmap = { key, canvas: c };
    return c;
}

/* --- drawing --- */

function cut(text, most) {
    const letters = Array.from(text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd"));
    return letters.length > most ? letters.slice(0, most - 1).join("") + "\u2026" : letters.join("");
}
function widest(list) {
    let most = 0;
    const n = Math.min(list.length, 600);
    for (let i = 0; i < n; i++) most = Math.max(most, ctx.measureText(cut(list[i], 16)).width);
    return most;
}

let size = { w: 0, h: 0 }, place = {};
function prepare(w, h) {
    const ratio = window.devicePixelRatio || 1;
    size = { w: stage.clientWidth, h: stage.clientHeight };
    room.style.width = Math.max(w, 0) + "px";
    room.style.height = Math.max(h, size.h - 1) + "px";
    size = { w: stage.clientWidth, h: stage.clientHeight };
    const cw = Math.round(size.w * ratio), ch = Math.round(size.h * ratio);
    if (canvas.width !== cw || canvas.height !== ch) {
        canvas.width = cw; canvas.height = ch;
        canvas.style.width = size.w + "px"; canvas.style.height = size.h + "px";
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.fillStyle = theme.paper;
    ctx.fillRect(0, 0, size.w, size.h);
    ctx.imageSmoothingEnabled = false;
    ctx.textBaseline = "middle";
}
const font = px => { ctx.font = px + "px " + FONT; };

function drawMatrix() {
    const m = map(), w = now(), s = scale();
    font(13);
    const left = widest(m.row) + 40, topText = widest(m.col) + 34;
    let cell = state.zoom;
    if (!cell) {
        cell = Math.min((stage.clientWidth - left - 20) / m.cols, (stage.clientHeight - topText - 20) / m.rows, 44);
        cell = Math.max(cell, m.rows * m.cols > 40000 ? 1 : 3);
    }
    prepare(left + m.cols * cell + 20, topText + m.rows * cell + 20);
    const sx = stage.scrollLeft, sy = stage.scrollTop;
    place = { left, top: topText, cell, sx, sy };
    const key = [state.map, state.layer, state.head, state.limit, state.dark].join("/");
    const im = bitmapOf(w, m.cols, m.rows, s.lo, s.hi, limit(), key);
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, topText, size.w - left, size.h - topText);
    ctx.clip();
    ctx.drawImage(im, left - sx, topText - sy, m.cols * cell, m.rows * cell);
    const c0 = Math.max(0, Math.floor(sx / cell)), c1 = Math.min(m.cols, Math.ceil((sx + size.w - left) / cell));
    const r0 = Math.max(0, Math.floor(sy / cell)), r1 = Math.min(m.rows, Math.ceil((sy + size.h - topText) / cell));
    if (cell >= 34) numbers(w, s, m, r0, r1, c0, c1);
    ctx.strokeStyle = theme.accent;
    ctx.lineWidth = 2;
    if (state.row >= 0) ctx.strokeRect(left - sx, topText - sy + state.row * cell, m.cols * cell, cell);
    if (state.col >= 0) ctx.strokeRect(left - sx + state.col * cell, topText - sy, cell, m.rows * cell);
    ctx.restore();
    labels(m, r0, r1, c0, c1);
}

function numbers(w, s, m, r0, r1, c0, c1) {
    const p = palette(), { left, top, cell, sx, sy } = place;
    font(cell >= 42 ? 12 : 10);
    ctx.textAlign = "center";
    for (let r = r0; r < r1; r++) {
        for (let c = c0; c < c1; c++) {
            const v = w[r * m.cols + c];
            if (Math.abs(v) < limit()) continue;
            const k = 3 * Math.round(Math.min(1, Math.max(0, (v - s.lo) / (s.hi - s.lo))) * 255);
            const y = 0.2126 * p[k] + 0.7152 * p[k + 1] + 0.0722 * p[k + 2];
            ctx.fillStyle = y > 122 ? "#14181d" : "#fff";
            ctx.fillText(Math.abs(v) < 0.005 ? "0" : v.toFixed(2), left - sx + (c + 0.5) * cell, top - sy + (r + 0.5) * cell);
        }
    }
}

function labels(m, r0, r1, c0, c1) {
    const { left, top, cell, sx, sy } = place;
    const px = Math.max(9, Math.min(13, cell * 0.85)), every = Math.max(1, Math.ceil(px * 1.15 / cell));
    ctx.fillStyle = theme.paper;
    ctx.fillRect(0, 0, left, size.h);
    ctx.fillRect(0, 0, size.w, top);
    font(11);
    ctx.textAlign = "left";
    ctx.fillStyle = theme.muted;
    ctx.fillText(m.rowAxis + " \u2193   " + m.colAxis + " \u2192", 10, 12);
    ctx.save();
    ctx.beginPath(); ctx.rect(0, top, left, size.h - top); ctx.clip();
    ctx.textAlign = "right";
    for (let r = r0; r < r1; r++) {
        if (r % every && r !== state.row) continue;
        if (every > 1 && state.row >= 0 && r !== state.row && Math.abs(r - state.row) < every) continue;
        ctx.fillStyle = r === state.row ? theme.accent : theme.ink;
        font(r === state.row ? 13 : px);
        ctx.fillText(cut(m.row[r], 16), left - 7, top - sy + (r + 0.5) * cell);
    }
    ctx.restore();
    ctx.save();
    ctx.beginPath(); ctx.rect(left, 18, size.w - left, top - 18); ctx.clip();
    ctx.textAlign = "left";
    for (let c = c0; c < c1; c++) {
        if (c % every && c !== state.col) continue;
        if (every > 1 && state.col >= 0 && c !== state.col && Math.abs(c - state.col) < every) continue;
        ctx.save();
        ctx.translate(left - sx + (c + 0.5) * cell, top - 7);
        ctx.rotate(-Math.PI / 2);
        ctx.fillStyle = c === state.col ? theme.accent : theme.ink;
        font(c === state.col ? 13 : px);
        ctx.fillText(cut(m.col[c], 16), 0, 0);
        ctx.restore();
    }
    ctx.restore();
}

/* Lines of the chosen token, or all of them, strongest 4000. */
let found = { key: "" };
function lines() {
    const key = [state.map, state.layer, state.head, state.limit, state.row, state.col].join("/");
    if (found.key === key) return found.list;
    const m = map(), w = now(), least = Math.max(limit(), scale().hi * 0.01), list = [];
    const r0 = state.row >= 0 ? state.row : 0, r1 = state.row >= 0 ? r0 + 1 : m.rows;
    const c0 = state.col >= 0 && state.row < 0 ? state.col : 0;
    const c1 = state.col >= 0 && state.row < 0 ? c0 + 1 : m.cols;
    for (let r = r0; r < r1; r++)
        for (let c = c0; c < c1; c++) {
            const v = w[r * m.cols + c];
            if (Math.abs(v) >= least) list.push([v, r, c]);
        }
    list.sort((a, b) => Math.abs(b[0]) - Math.abs(a[0]) || a[1] - b[1] || a[2] - b[2]);
    if (list.length > 4000) list.length = 4000;
    found = { key, list };
    return list;
}

function drawLinks() {
    const m = map(), s = scale(), n = Math.max(m.rows, m.cols);
    font(13);
    const a = widest(m.cross ? m.col : m.row), b = widest(m.cross ? m.row : m.col);
    const step = Math.max(state.zoom ? state.zoom * 0.6 : 22, 8), top = 34;
    const left = Math.max(a, 70) + 24, right = left + Math.min(420, Math.max(180, stage.clientWidth - left - b - 60));
    prepare(right + b + 20, top + n * step + 20);
    const sy = stage.scrollTop, px = Math.min(13, step * 0.8);
    place = { left, right, top, step, sy };
    ctx.lineCap = "round";
    /* An even share must not look like a choice. */
    const list = lines(), full = Math.max(s.hi, Math.min(1, 4 / m.cols));
    for (let i = list.length - 1; i >= 0; i--) {
        const [v, r, c] = list[i], f = Math.min(1, Math.abs(v) / full);
        const yr = top - sy + (r + 0.5) * step, yc = top - sy + (c + 0.5) * step;
        const y1 = m.cross ? yc : yr, y2 = m.cross ? yr : yc, mid = (left + right) / 2;
        if (Math.max(y1, y2) < 0 || Math.min(y1, y2) > size.h) continue;
        ctx.globalAlpha = 0.08 + 0.9 * f;
        /* What speaks against: another hue, and dashes for print without colours. */
        ctx.strokeStyle = v < 0 ? state.dark ? "#e0a070" : "#9a4a10" : theme.accent;
        ctx.setLineDash(v < 0 ? [6, 4] : []);
        ctx.lineWidth = 0.6 + 2.8 * f;
        ctx.beginPath();
        ctx.moveTo(left, y1);
        ctx.bezierCurveTo(mid, y1, mid, y2, right, y2);
        ctx.stroke();
    }
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
    const side = (tokens, chosen, x, align) => {
        ctx.textAlign = align;
        for (let i = 0; i < tokens.length; i++) {
            const y = top - sy + (i + 0.5) * step;
            if (y < 0 || y > size.h) continue;
            ctx.fillStyle = i === chosen ? theme.accent : theme.ink;
            font(px);
            ctx.fillText(cut(tokens[i], 16), x, y);
        }
    };
    side(m.cross ? m.col : m.row, m.cross ? state.col : state.row, left - 8, "right");
    side(m.cross ? m.row : m.col, m.cross ? state.row : state.col, right + 8, "left");
    ctx.fillStyle = theme.paper;
    ctx.fillRect(0, 0, size.w, 24);
    ctx.fillStyle = theme.muted;
    font(11);
    ctx.textAlign = "right";
    ctx.fillText(m.cross ? "source" : m.rowAxis, left - 8, 13);
    ctx.textAlign = "left";
    ctx.fillText(m.cross ? "output" : m.colAxis, right + 8, 13);
}

/* Small pictures: the prepared ones of long texts, else the heads themselves. */
const thumbs = {};
function thumb(l, h) {
    const key = [state.map, l, h, state.dark].join("/");
    if (thumbs[key]) return thumbs[key];
    const m = map(), p = palette(), pooled = m.thumbRows > 0;
    const rows = pooled ? m.thumbRows : m.rows, cols = pooled ? m.thumbCols : m.cols;
    let raw = null, w = null, at = 0;
    if (pooled) {
        raw = thumbs["t" + state.map] || (thumbs["t" + state.map] = bytesOf("t" + state.map));
        at = ((l - 1) * m.heads + h - 1) * rows * cols;
    } else w = weights(state.map, l, h);
    const c = document.createElement("canvas");
    c.width = cols; c.height = rows;
    const im = c.getContext("2d").createImageData(cols, rows);
    for (let i = 0; i < rows * cols; i++) {
        const k = 3 * (pooled ? raw[at + i] : Math.round(255 * Math.min(1, Math.max(0, (w[i] - m.lo) / (m.hi - m.lo)))));
        im.data[4 * i] = p[k]; im.data[4 * i + 1] = p[k + 1]; im.data[4 * i + 2] = p[k + 2]; im.data[4 * i + 3] = 255;
    }
    c.getContext("2d").putImageData(im, 0, 0);
    return thumbs[key] = c;
}

function drawOverview() {
    const m = map(), left = 80, top = 34;
    const side = state.zoom ? state.zoom * 3 : Math.max(40, Math.min(150, (stage.clientWidth - left - 30) / m.heads - 8));
    const tall = Math.max(side / 3, Math.min(side * 2, side * m.rows / m.cols)), dx = side + 8, dy = tall + 8;
    prepare(left + m.heads * dx + 12, top + m.layers * dy + 12);
    const sx = stage.scrollLeft, sy = stage.scrollTop;
    place = { left, top, dx, dy, side, tall, sx, sy };
    for (let l = 1; l <= m.layers; l++) {
        const y = top - sy + (l - 1) * dy;
        if (y + tall < 0 || y > size.h) continue;
        for (let h = 1; h <= m.heads; h++) {
            const x = left - sx + (h - 1) * dx;
            if (x + side < 0 || x > size.w) continue;
            ctx.drawImage(thumb(l, h), x, y, side, tall);
            const chosen = l === state.layer && h === state.head;
            ctx.strokeStyle = chosen ? theme.accent : theme.rule;
            ctx.lineWidth = chosen ? 3 : 1;
            ctx.strokeRect(x, y, side, tall);
        }
    }
    ctx.fillStyle = theme.paper;
    ctx.fillRect(0, 0, left - 6, size.h);
    ctx.fillRect(0, 0, size.w, top - 6);
    ctx.fillStyle = theme.muted;
    font(12);
    ctx.textAlign = "right";
    for (let l = 1; l <= m.layers; l++) {
        const y = top - sy + (l - 1) * dy + tall / 2;
        if (y > top) ctx.fillText("layer " + l, left - 12, y);
    }
    ctx.textAlign = "center";
    for (let h = 1; h <= m.heads; h++) {
        const x = left - sx + (h - 1) * dx + side / 2;
        if (x > left) ctx.fillText(side > 50 ? "head " + h : String(h), x, 16);
    }
}

let asked = false;
function draw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; drawNow(); });
}
function drawNow() {
    ({ matrix: drawMatrix, links: drawLinks, overview: drawOverview })[state.view]();
}

/* --- words beside the picture --- */

function tellTable() {
    const m = map(), w = now(), body = $("links").tBodies[0];
    let list = [], title;
    if (state.row >= 0) {
        title = "\u201c" + m.row[state.row] + "\u201d " + (m.cross ? "looks at" : m.colAxis);
        for (let c = 0; c < m.cols; c++) list.push([w[state.row * m.cols + c], m.col[c], c]);
    } else if (state.col >= 0) {
        title = "\u201c" + m.col[state.col] + "\u201d " + (m.cross || m.colAxis === "looks at" ? "is looked at by" : "weighs in");
        for (let r = 0; r < m.rows; r++) list.push([w[r * m.cols + state.col], m.row[r], r]);
    } else title = "Point at a token, or use the arrow keys.";
    const size = x => Math.abs(x[0]);
    list = list.filter(x => size(x) >= limit()).sort((a, b) => size(b) - size(a) || a[2] - b[2]).slice(0, 15);
    $("linksof").textContent = title;
    $("links").tHead.hidden = list.length === 0;
    body.textContent = "";
    const most = scale().hi;
    for (const [v, name] of list) {
        const tr = body.insertRow(), a = tr.insertCell(), b = tr.insertCell();
        a.textContent = name; a.title = name;
        b.textContent = shown(v);
        const f = Math.round(100 * Math.abs(v) / most);
        b.style.backgroundImage = "linear-gradient(to right, color-mix(in srgb, var(--accent) 30%, transparent) " + f + "%, transparent " + f + "%)";
    }
}
function tell() {
    const m = map();
    const one = (v, n, what) => v ? what + " " + v + " of " + n : n > 1 ? "mean of " + n + " " + what + "s" : "one " + what;
    let text = m.name + ", " + one(state.layer, m.layers, "layer") + ", " + one(state.head, m.heads, "head") + ".";
    if (state.row >= 0 && state.col >= 0)
        text = m.row[state.row] + " \u2192 " + m.col[state.col] + ": " + shown(now()[state.row * m.cols + state.col]);
    $("say").textContent = text;
    tellTable();
    if ($("all").open) tellAll();
}
function tellAll() {
    const m = map(), w = now(), box = $("numbers");
    box.textContent = "";
    if (m.rows * m.cols > 10000 && state.row < 0) {
        box.textContent = "Too many for one table: choose a token first.";
        return;
    }
    const table = document.createElement("table"), head = table.createTHead().insertRow();
    const th = (tr, text, scope) => { const e = document.createElement("th"); e.scope = scope; e.textContent = text; tr.append(e); };
    th(head, "", "col");
    const whole = m.rows * m.cols <= 10000;
    for (let c = 0; c < m.cols; c++) th(head, m.col[c], "col");
    const body = table.createTBody();
    for (let r = whole ? 0 : state.row; r < (whole ? m.rows : state.row + 1); r++) {
        const tr = body.insertRow();
        th(tr, m.row[r], "row");
        for (let c = 0; c < m.cols; c++) tr.insertCell().textContent = shown(w[r * m.cols + c]);
    }
    box.append(table);
}

/* --- choices --- */

/* A long page's other heads are still being read while its first one is shown: until
 * then there is nothing else to choose. */
let whole = !data.late || document.readyState !== "loading";
function lock() {
    for (const id of ["map", "layer", "head"]) $(id).disabled = !whole;
}
if (!whole) addEventListener("DOMContentLoaded", () => {
    whole = true;
    lock();
    document.documentElement.dataset.whole = String(Math.round(performance.now()));
});

function fill(select, n, name) {
    select.textContent = "";
    if (n > 1) select.add(new Option("mean of " + n, "0"));
    for (let i = 1; i <= n; i++) select.add(new Option(name + " " + i, String(i)));
}
function chooseMap(i) {
    state.map = i;
    const m = map();
    fill($("layer"), m.layers, "layer");
    fill($("head"), m.heads, "head");
    if (state.layer > m.layers) state.layer = 0;
    if (state.head > m.heads) state.head = 0;
    if (m.layers === 1) state.layer = 1;
    if (m.heads === 1) state.head = 1;
    state.row = state.col = -1;
    state.held = false;
    update();
}
function update() {
    $("map").value = String(state.map);
    $("layer").value = String(state.layer);
    $("head").value = String(state.head);
    for (const b of document.querySelectorAll("[data-view]")) b.setAttribute("aria-pressed", String(b.dataset.view === state.view));
    $("limit").textContent = state.limit ? shown(limit()) : "0";
    document.documentElement.classList.toggle("dark", state.dark);
    $("theme").textContent = state.dark ? "Light" : "Dark";
    readTheme();
    tell();
    draw();
}
function setView(v) {
    state.view = v;
    state.zoom = 0;
    stage.scrollTo(0, 0);
    update();
}
function zoom(by) {
    const cell = place.cell || (place.step ? place.step / 0.6 : place.side / 3) || 20;
    state.zoom = by ? Math.min(120, Math.max(1, (state.zoom || cell) * by)) : 0;
    draw();
}

/* --- pointing --- */

function hit(x, y) {
    const m = map(), p = place;
    if (state.view === "matrix") {
        const c = x < p.left ? -1 : Math.floor((x - p.left + p.sx) / p.cell);
        const r = y < p.top ? -1 : Math.floor((y - p.top + p.sy) / p.cell);
        return { row: r < m.rows ? r : -1, col: c < m.cols ? c : -1 };
    }
    if (state.view === "links") {
        const i = Math.floor((y - p.top + p.sy) / p.step), first = x < (p.left + p.right) / 2;
        const onRow = first !== m.cross;
        if (i < 0 || i >= (onRow ? m.rows : m.cols)) return { row: -1, col: -1 };
        return onRow ? { row: i, col: -1 } : { row: -1, col: i };
    }
    const h = Math.floor((x - p.left + p.sx) / p.dx) + 1, l = Math.floor((y - p.top + p.sy) / p.dy) + 1;
    return h >= 1 && h <= m.heads && l >= 1 && l <= m.layers ? { layer: l, head: h } : {};
}
function point(e) {
    const box = stage.getBoundingClientRect(), h = hit(e.clientX - box.left, e.clientY - box.top), m = map();
    let text = "";
    if (state.view === "overview") text = h.layer ? "layer " + h.layer + ", head " + h.head : "";
    else if (h.row >= 0 && h.col >= 0) text = m.row[h.row] + " \u2192 " + m.col[h.col] + ": " + shown(now()[h.row * m.cols + h.col]);
    else if (h.row >= 0) text = m.row[h.row];
    else if (h.col >= 0) text = m.col[h.col];
    tip.hidden = !text;
    tip.textContent = text;
    tip.style.left = Math.min(e.clientX + 14, innerWidth - 260) + "px";
    tip.style.top = Math.min(e.clientY + 16, innerHeight - 40) + "px";
    if (state.held || state.view === "overview") return;
    if (h.row !== state.row || h.col !== state.col) {
        state.row = h.row;
        state.col = h.col;
        tell();
        draw();
    }
}
stage.addEventListener("mousemove", point);
stage.addEventListener("mouseleave", () => {
    tip.hidden = true;
    if (!state.held && state.view !== "overview") { state.row = state.col = -1; tell(); draw(); }
});
stage.addEventListener("click", e => {
    const box = stage.getBoundingClientRect(), h = hit(e.clientX - box.left, e.clientY - box.top);
    if (state.view === "overview") {
        if (h.layer && whole) { state.layer = h.layer; state.head = h.head; setView("matrix"); }
        return;
    }
    state.held = !(state.held && h.row === state.row && h.col === state.col) && (h.row >= 0 || h.col >= 0);
    state.row = h.row;
    state.col = h.col;
    update();
});
stage.addEventListener("scroll", draw, { passive: true });
addEventListener("resize", draw);
stage.addEventListener("wheel", e => {
    if (!e.ctrlKey) return;
    e.preventDefault();
    zoom(e.deltaY < 0 ? 1.15 : 1 / 1.15);
}, { passive: false });

/* --- keyboard --- */

function turn(name, by) {
    if (!whole) return;
    const m = map(), n = name === "layer" ? m.layers : m.heads, least = n > 1 ? 0 : 1;
    state[name] = least + (state[name] - least + by + n + 1 - least) % (n + 1 - least);
    update();
}
function reveal() {
    if (state.view !== "matrix" || !place.cell) return;
    const { left, top, cell } = place;
    if (state.col >= 0) {
        const x = state.col * cell;
        if (x < stage.scrollLeft) stage.scrollLeft = x;
        if (x + cell > stage.scrollLeft + size.w - left) stage.scrollLeft = x + cell - size.w + left;
    }
    if (state.row >= 0) {
        const y = state.row * cell;
        if (y < stage.scrollTop) stage.scrollTop = y;
        if (y + cell > stage.scrollTop + size.h - top) stage.scrollTop = y + cell - size.h + top;
    }
}
function step(dr, dc) {
    const m = map(), bound = (v, n) => Math.max(0, Math.min(n - 1, v));
    if (state.view === "overview") {
        if (!whole) return;
        state.layer = 1 + bound((state.layer || 1) - 1 + dr, m.layers);
        state.head = 1 + bound((state.head || 1) - 1 + dc, m.heads);
    } else if (state.view === "links") {
        if (dc) { /* to the other side: from who looks to who is looked at */
            const i = Math.max(state.row, state.col, 0), toRow = state.row < 0;
            state.row = toRow ? bound(i, m.rows) : -1;
            state.col = toRow ? -1 : bound(i, m.cols);
        } else if (state.col >= 0 && state.row < 0) state.col = bound(state.col + dr, m.cols);
        else { state.row = bound(state.row + dr, m.rows); state.col = -1; }
    } else {
        state.row = bound(state.row + dr, m.rows);
        state.col = bound(state.col + dc, m.cols);
    }
    state.held = true;
    reveal();
    update();
}
stage.addEventListener("keydown", e => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (arrows[e.key]) step(...arrows[e.key]);
    else if (e.key === "Enter" && state.view === "overview") setView("matrix");
    else if (e.key === "Enter") { state.held = !state.held; update(); }
    else if (e.key === "Escape") { state.held = false; state.row = state.col = -1; update(); }
    else return;
    e.preventDefault();
});
addEventListener("keydown", e => {
    if (e.ctrlKey || e.metaKey || e.altKey || /^(SELECT|INPUT)$/.test(e.target.tagName)) return;
    if (e.key === "[") turn("head", -1);
    else if (e.key === "]") turn("head", 1);
    else if (e.key === ",") turn("layer", -1);
    else if (e.key === ".") turn("layer", 1);
    else if (e.key === "v") setView(VIEWS[(VIEWS.indexOf(state.view) + 1) % 3]);
    else if (e.key === "+" || e.key === "=") zoom(1.25);
    else if (e.key === "-") zoom(0.8);
    else if (e.key === "0") zoom(0);
    else if (e.key === "t") $("theme").click();
});

/* --- controls --- */

$("title").textContent = $("title").title = data.title;
data.maps.forEach((m, i) => $("map").add(new Option(m.name, String(i))));
$("map").addEventListener("change", () => chooseMap(Number($("map").value)));
$("layer").addEventListener("change", () => { state.layer = Number($("layer").value); update(); });
$("head").addEventListener("change", () => { state.head = Number($("head").value); update(); });
$("threshold").addEventListener("input", () => { state.limit = Number($("threshold").value); update(); });
for (const b of document.querySelectorAll("[data-view]")) b.addEventListener("click", () => setView(b.dataset.view));
$("in").addEventListener("click", () => zoom(1.25));
$("out").addEventListener("click", () => zoom(0.8));
$("fit").addEventListener("click", () => zoom(0));
$("theme").addEventListener("click", () => { state.dark = !state.dark; update(); });
$("all").addEventListener("toggle", () => { if ($("all").open) tellAll(); });
if (!data.dark && window.matchMedia && matchMedia("(prefers-color-scheme: dark)").matches) state.dark = true;
lock();
chooseMap(0);
drawNow();

/* For tests: where a cell is on the screen, after drawing what was asked for. */
stage.attendPlace = (row, col) => {
    drawNow();
    const box = stage.getBoundingClientRect(), p = place;
    if (state.view === "matrix") return [box.left + p.left - p.sx + (col + 0.5) * p.cell, box.top + p.top - p.sy + (row + 0.5) * p.cell];
    if (state.view === "links") return [box.left + (row >= 0 === map().cross ? p.right + 10 : p.left - 10), box.top + p.top - p.sy + ((row >= 0 ? row : col) + 0.5) * p.step];
    return [box.left + p.left - p.sx + (col - 1) * p.dx + p.side / 2, box.top + p.top - p.sy + (row - 1) * p.dy + p.tall / 2];
};
document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
