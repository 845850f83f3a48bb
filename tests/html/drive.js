/* Drives the page as a reader would and compares what it shows with the BertViz JSON
 * of the same weights (`expected`). The verdict goes into the document. */
"use strict";
(function () {
const $ = id => document.getElementById(id), stage = $("stage"), bad = [];
let checks = 0;
function check(ok, what) { checks++; if (!ok && bad.length < 20) bad.push(what); }
function choose(id, value) {
    $(id).value = String(value);
    $(id).dispatchEvent(new Event(id === "threshold" ? "input" : "change"));
}
function mouse(type, row, col) {
    const [x, y] = stage.attendPlace(row, col);
    stage.dispatchEvent(new MouseEvent(type, { clientX: x, clientY: y, bubbles: true }));
    return [x, y];
}
function key(target, name) { target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true })); }
/* Half a unit of the third digit, and half precision's 2^-11. */
const close = (shown, want) => Math.abs(Number(shown) - want) <= Math.abs(want) * 0.0056 + 1e-6;
function expectedOf(i, l, h) {
    const a = expected.attention[i].attn, ls = l ? [l - 1] : a.map((_, k) => k);
    const hs = h ? [h - 1] : a[0].map((_, k) => k);
    return a[0][0].map((row, r) => row.map((_, c) => {
        let sum = 0;
        for (const x of ls) for (const y of hs) sum += a[x][y][r][c];
        return sum / ls.length / hs.length;
    }));
}
function pixel(x, y) {
    const box = stage.getBoundingClientRect(), c = $("canvas"), k = c.width / c.clientWidth;
    return c.getContext("2d").getImageData((x - box.left) * k, (y - box.top) * k, 1, 1).data;
}
try {
    const described = JSON.parse($("attend-data").textContent);
    if (document.documentElement.classList.contains("dark")) $("theme").click();
    const palette = Uint8Array.from(atob(described.light), ch => ch.charCodeAt(0));
    expected.attention.forEach((a, i) => {
        choose("map", i);
        const L = a.attn.length, H = a.attn[0].length;
        for (let l = L > 1 ? 0 : 1; l <= L; l++) for (let h = 0; h <= H; h++) {
            choose("layer", l);
            choose("head", h);
            const want = expectedOf(i, l, h), most = Math.max(...want.flat());
            const name = "map " + i + " layer " + l + " head " + h;
            a.left_text.forEach((row, r) => a.right_text.forEach((col, c) => {
                mouse("mousemove", r, c);
                const tip = $("tip").textContent, at = tip.lastIndexOf(": ");
                check(tip.slice(0, at) === row + " \u2192 " + col, name + ": tip says " + tip);
                check(close(tip.slice(at + 2), want[r][c]), name + ": " + tip + " is " + want[r][c]);
            }));
            stage.dispatchEvent(new MouseEvent("mouseleave"));
            a.left_text.forEach((row, r) => a.right_text.forEach((col, c) => {
                const [x, y] = stage.attendPlace(r, c), got = pixel(x - 18, y - 18);
                const k = 3 * Math.round(want[r][c] / most * 255);
                const off = Math.max(...[0, 1, 2].map(j => Math.abs(got[j] - palette[k + j])));
                check(off <= 4, name + " cell " + r + "," + c + ": colour off by " + off);
            }));
        }
    });
    choose("map", 0); choose("layer", 2); choose("head", 1);
    const a = expected.attention[0], want = expectedOf(0, 2, 1);
    /* The table for screen readers. */
    $("all").open = true;
    choose("head", 2); choose("head", 1);
    const rows = $("numbers").querySelectorAll("tbody tr");
    check(rows.length === a.left_text.length, "table has " + rows.length + " rows");
    rows.forEach((tr, r) => {
        check(tr.querySelector("th").textContent === a.left_text[r], "table row " + r);
        tr.querySelectorAll("td").forEach((td, c) => check(close(td.textContent, want[r][c]), "table " + r + "," + c + ": " + td.textContent));
    });
    /* Links: the strongest first, on both sides; below the threshold nothing. */
    document.querySelector("[data-view=links]").click();
    mouse("mousemove", 1, -1);
    let first = $("links").tBodies[0].rows[0].cells;
    const best = want[1].indexOf(Math.max(...want[1]));
    check(first[0].textContent === a.right_text[best] && close(first[1].textContent, want[1][best]), "links of row 1: " + first[0].textContent);
    mouse("mousemove", -1, 2);
    first = $("links").tBodies[0].rows[0].cells;
    const column = want.map(row => row[2]), top = column.indexOf(Math.max(...column));
    check(first[0].textContent === a.left_text[top], "links of column 2: " + first[0].textContent);
    choose("threshold", 60);
    mouse("mousemove", 1, -1);
    const least = 0.6 * Math.max(...want.flat()), kept = want[1].filter(v => v >= least).length;
    check($("links").tBodies[0].rows.length === kept, "threshold keeps " + $("links").tBodies[0].rows.length + " of " + kept);
    choose("threshold", 0);
    /* Overview: a click opens that head. */
    document.querySelector("[data-view=overview]").click();
    mouse("click", 3, 2);
    check($("layer").value === "3" && $("head").value === "2", "overview opened " + $("layer").value + "/" + $("head").value);
    check(document.querySelector("[data-view=matrix]").getAttribute("aria-pressed") === "true", "overview does not open the matrix");
    /* Keyboard. */
    /* The first arrow goes to the first cell. */
    key(stage, "Escape");
    key(stage, "ArrowDown"); key(stage, "ArrowDown"); key(stage, "ArrowRight");
    const said = $("say").textContent;
    check(said.startsWith(a.left_text[1] + " \u2192 " + a.right_text[1] + ": "), "arrows: " + said);
    check(close(said.slice(said.lastIndexOf(": ") + 2), expectedOf(0, 3, 2)[1][1]), "arrows say " + said);
    key(document.body, "]");
    check($("head").value === "0", "] goes to head " + $("head").value);
    key(document.body, ",");
    check($("layer").value === "2", ", goes to layer " + $("layer").value);
    key(document.body, "t");
    check(document.documentElement.classList.contains("dark"), "t does not darken");
    key(document.body, "v");
    check(document.querySelector("[data-view=links]").getAttribute("aria-pressed") === "true", "v");
    /* Zoom: cells grow, shrink, fit again, and a cell stays where the mouse finds it. */
    choose("map", 0); choose("layer", 2); choose("head", 1);
    document.querySelector("[data-view=matrix]").click();
    const width = () => { const [x0] = stage.attendPlace(0, 0), [x1] = stage.attendPlace(0, 1); return x1 - x0; };
    const fitted = width();
    $("in").click();
    check(Math.abs(width() / fitted - 1.25) < 0.1, "zoom in: " + fitted + " to " + width());
    mouse("mousemove", 1, 1);
    check(close($("tip").textContent.split(": ").pop(), want[1][1]), "zoomed tip says " + $("tip").textContent);
    $("out").click(); $("out").click();
    check(width() < fitted, "zoom out: " + width());
    key(document.body, "0");
    check(Math.abs(width() - fitted) < 0.01, "0 does not fit again: " + width());
    /* Text stayed text, nothing was fetched. */
    check(document.querySelectorAll("b").length === 0, "a token became an element");
    check(performance.getEntriesByType("resource").length === 0, "something was fetched");
} catch (e) {
    bad.push(String(e.stack || e));
}
const out = document.createElement("pre");
out.id = "verdict";
out.textContent = (bad.length ? "FAILED " : "PASSED ") + checks + " checks\n" + bad.join("\n");
document.body.textContent = "";
document.body.append(out);
})();
