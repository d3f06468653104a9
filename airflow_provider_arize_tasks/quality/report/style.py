"""The style sheet of the report: light and dark by the reader's own setting, no script, no font, nothing to fetch."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b2330; --soft: #5c6879; --faint: #8a94a3; --line: #e2e6ec;
  --accent: #2f6fde; --band: #2f6fde2e; --shade: #2f6fde10;
  --good: #16794a; --good-bg: #e3f4ea; --bad: #b3261e; --bad-bg: #fbe6e4; --warn: #8a5a00; --warn-bg: #fcf0d6;
  --plain-bg: #eceff3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --card: #1a2029; --ink: #e4e8ee; --soft: #a3adbb; --faint: #7d8896; --line: #2c3440;
    --accent: #79a8ff; --band: #79a8ff33; --shade: #79a8ff12;
    --good: #6fd39d; --good-bg: #16352680; --bad: #ff8f87; --bad-bg: #4a1d1a80; --warn: #f0c36a; --warn-bg: #40310f80;
    --plain-bg: #262e39;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 24px; line-height: 1.25; margin: 8px 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 0; overflow-wrap: anywhere; }
h3 { font-size: 14px; margin: 20px 0 8px; color: var(--soft); font-weight: 600; }
p { margin: 6px 0; }
a { color: var(--accent); }
.soft { color: var(--soft); }
.small { font-size: 13px; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px; margin-top: 16px;
}
.row { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; }
.chip {
  display: inline-block; border-radius: 999px; padding: 1px 10px; font-size: 13px; font-weight: 600;
  white-space: nowrap;  background: var(--plain-bg); color: var(--soft);
}
.chip.good { background: var(--good-bg); color: var(--good); }
.chip.bad { background: var(--bad-bg); color: var(--bad); }
.chip.warn { background: var(--warn-bg); color: var(--warn); }
.chip.big { font-size: 15px; padding: 4px 14px; }
.note {
  border-left: 4px solid var(--line); padding: 6px 12px; margin: 8px 0; border-radius: 4px; overflow-wrap: anywhere;
}
.note.bad { border-color: var(--bad); background: var(--bad-bg); }
.note.warn { border-color: var(--warn); background: var(--warn-bg); }
.note.good { border-color: var(--good); background: var(--good-bg); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-size: 12.5px; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line); }
th, td { padding: 7px 14px 7px 0; vertical-align: middle; }
td { border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
th.num, td.num { text-align: right; white-space: nowrap; }
td.name { overflow-wrap: anywhere; min-width: 120px; }
svg { display: block; width: 100%; height: auto; }
.chart { min-width: 640px; }
.forest { width: 210px; min-width: 210px; }
svg text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .base { stroke: var(--soft); stroke-width: 1.4; stroke-dasharray: 5 4; }
svg .limit { stroke: var(--bad); stroke-width: 1.2; stroke-dasharray: 2 3; }
svg text.limit-text { fill: var(--bad); }
svg .shade { fill: var(--shade); }
svg .band { fill: var(--band); stroke: none; }
svg .trend { fill: none; stroke: var(--accent); stroke-width: 1.8; stroke-linejoin: round; }
svg .bar { stroke: var(--accent); stroke-width: 1.6; opacity: .65; }
svg .dot { fill: var(--accent); }
svg .hit { fill: transparent; }
svg g.night:hover .hit { fill: var(--shade); }
svg .now { stroke: var(--card); stroke-width: 1.5; fill: var(--accent); }
svg .now.good { fill: var(--good); } svg .now.bad { fill: var(--bad); }
svg .bar.good { stroke: var(--good); } svg .bar.bad { stroke: var(--bad); }
svg .bar.now-bar { stroke-width: 2.4; opacity: 1; }
svg text.now-text { font-weight: 700; fill: var(--accent); }
svg text.now-text.good { fill: var(--good); } svg text.now-text.bad { fill: var(--bad); }
details { margin-top: 10px; }
details.example { border: 1px solid var(--line); border-radius: 8px; margin-top: 8px; }
summary { cursor: pointer; color: var(--soft); }
details.example > summary { padding: 8px 12px; color: var(--ink); }
details.example[open] > summary { border-bottom: 1px solid var(--line); }
.texts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px 18px; padding: 12px; }
@media (max-width: 640px) { .texts { grid-template-columns: minmax(0, 1fr); } }
.texts .wide { grid-column: 1 / -1; }
.texts h4 { margin: 0 0 4px; font-size: 12.5px; color: var(--soft); font-weight: 600; }
pre {
  margin: 0; padding: 8px 10px; background: var(--page); border-radius: 6px; white-space: pre-wrap;
  overflow-wrap: anywhere; font: 13px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
.down { color: var(--bad); font-weight: 600; } .up { color: var(--good); font-weight: 600; }
code { font-size: 13px; overflow-wrap: anywhere; }
footer { margin-top: 22px; color: var(--soft); font-size: 13px; }
@media print { .card { break-inside: avoid; } }
"""
