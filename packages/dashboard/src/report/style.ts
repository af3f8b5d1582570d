/**
 * The report's style: light and dark by the reader's choice, paper, and a phone's width. One sheet in the page; the
 * policy of the page names its hash, and nothing is styled by attributes.
 */
export const style = `
:root{color-scheme:light dark;--text:#1c1e21;--quiet:#5a6068;--ground:#fff;--raised:#f6f7f9;--edge:#dfe2e7;--accent:#0a5ea8;--good:#0a6b42;--warn:#9a3b00;--grid:#e6e8ec;--training:#0072b2;--validation:#c44e00;--score:#007f5f;--accuracy:#8a5a9e;--mark:#8250c4;--right:10,94,168;--wrong:213,94,0;--stay:#5aa3d8;--start:#9aa3ad}
@media (prefers-color-scheme:dark){:root{--text:#e6e8eb;--quiet:#a2a9b2;--ground:#14171a;--raised:#1d2125;--edge:#363c43;--accent:#78b7f0;--good:#5fcb98;--warn:#f0a064;--grid:#2a2f35;--training:#56b4e9;--validation:#f0893c;--score:#3fc79a;--accuracy:#c79bdc;--mark:#b794f0;--right:86,160,230;--wrong:240,137,60;--stay:#3f83b8;--start:#5d6670}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}
main,header,nav,footer{max-width:1060px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
.kind{margin:0;color:var(--quiet);font-size:.85rem;letter-spacing:.02em}
h1{margin:.1em 0 .3em;font-size:1.9rem;line-height:1.2}
h2{margin:0 0 .5em;font-size:1.35rem;line-height:1.25}
h3{margin:1.2em 0 .4em;font-size:1rem;line-height:1.35}
h4{margin:.8em 0 .3em;font-size:.9rem;font-weight:600}
p{margin:.5em 0;max-width:76ch}
a{color:var(--accent)}
section{margin-top:36px;padding-top:22px;border-top:1px solid var(--edge)}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.88em}
pre{margin:.6em 0;padding:12px 14px;background:var(--raised);border:1px solid var(--edge);border-radius:6px;overflow-x:auto;line-height:1.45}
pre code{font-size:.85rem}
.hash{overflow-wrap:anywhere}
.quiet,.absent,footer,small{color:var(--quiet)}
.quiet,small{font-size:.88rem;font-weight:400}
.absent{font-style:italic}
.good strong{color:var(--good)}
.warn strong,p.warn{color:var(--warn)}
.outcome{font-size:1.05rem;margin:.2em 0 1em}
nav ul{display:flex;flex-wrap:wrap;gap:4px 18px;margin:18px 0 0;padding:10px 0 0;border-top:1px solid var(--edge);list-style:none;font-size:.92rem}
.figures{display:grid;grid-template-columns:repeat(4,1fr);gap:10px;margin:0 0 18px;padding:0;list-style:none}
.figures li{display:flex;flex-direction:column;padding:10px 14px;background:var(--raised);border:1px solid var(--edge);border-radius:8px}
.figures .name,.figures .remark{color:var(--quiet);font-size:.82rem}
.figures .value{font-size:1.5rem;line-height:1.3;font-weight:600;font-variant-numeric:tabular-nums}
.facts{display:grid;gap:0;margin:0 0 8px}
.facts div{display:grid;grid-template-columns:170px 1fr;gap:4px 16px;padding:5px 0}
.facts div+div{border-top:1px solid var(--grid)}
dt{color:var(--quiet)}
dd{margin:0;min-width:0}
.scroll{overflow-x:auto;margin:.8em 0;max-width:100%}
.scroll:focus-visible,pre:focus-visible,summary:focus-visible,a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums;min-width:min(100%,520px)}
caption{padding:0 0 6px;text-align:left;font-weight:600}
tbody code{overflow-wrap:normal}.options tbody th{white-space:nowrap}.options td:last-child{min-width:240px}
th,td{padding:4px 12px 4px 0;border-bottom:1px solid var(--grid);text-align:left;vertical-align:top;font-weight:400}
thead th{border-bottom-color:var(--edge);color:var(--quiet);font-weight:600;vertical-align:bottom;white-space:nowrap}
.number{text-align:right;white-space:nowrap}
th:last-child,td:last-child{padding-right:2px}
.number+td:not(.number),.number+th:not(.number){padding-left:12px}
details{margin:1em 0}
summary{cursor:pointer;color:var(--accent)}
.charts{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:22px 28px}
.chart{margin:0;min-width:0}
.chart h3{margin:0}
.chart figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 16px;align-items:baseline;min-height:26px}
.chart svg:not(.key){display:block;width:100%;height:auto}
svg text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;fill:var(--quiet)}
.grid path{stroke:var(--grid)}
.axis path{stroke:var(--edge)}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.faint{stroke-width:1;opacity:.32}
.training{stroke:var(--training)}.validation{stroke:var(--validation)}.score{stroke:var(--score)}.accuracy{stroke:var(--accuracy);stroke-dasharray:5 3}.quiet-line,path.quiet{stroke:var(--quiet)}
.dots{stroke:none}.dots.validation{fill:var(--validation)}.dots.score{fill:var(--score)}
.ring{fill:none;stroke:var(--text);stroke-width:1.6}
.marks path{fill:none}
.restart{stroke:var(--mark);stroke-dasharray:5 4}
.rate-change{stroke:var(--validation);stroke-dasharray:1.5 3;stroke-width:1.5}
.checkpoint{stroke:var(--quiet)}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;margin:.2em 0;padding:0;list-style:none;color:var(--quiet);font-size:.82rem}
.legend span,.legend li{display:inline-flex;align-items:center;gap:5px}
.legend.classes{margin:.6em 0 1em;color:var(--text)}
.key{width:18px;height:8px;flex:none}
.label{white-space:nowrap}.label.long{white-space:normal}
.swatch{width:.8em;height:.8em;margin-right:.45em;vertical-align:-.02em;flex:none}
.legend .swatch{margin-right:0}
.swatch rect{stroke:var(--edge);stroke-width:.6}
.spark{width:80px;height:18px;display:block}
.spark path{fill:none;stroke:var(--score);stroke-width:1.4}
.spark circle{fill:var(--score)}
.bar{width:50px;height:6px;margin-right:8px;vertical-align:.12em}
.bar-room{fill:var(--grid)}.bar-value{fill:var(--score)}
.photo{margin:0 0 22px}
.photo h3,.photo h4{margin:.2em 0 .4em;overflow-wrap:anywhere}
.panels{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:10px}
.strip{grid-template-columns:repeat(auto-fill,minmax(140px,1fr))}
.panels figure{margin:0;min-width:0}
.panels img{display:block;width:100%;height:auto;border-radius:4px;background:var(--raised)}
.exact{image-rendering:pixelated}
.panels figcaption{color:var(--quiet);font-size:.8rem;margin-top:2px}
.matrix th,.matrix td{padding:5px 8px;border:1px solid var(--ground)}
.matrix td{text-align:right;min-width:46px}
.matrix thead th{text-align:right}
.matrix thead th:first-child{text-align:left;font-weight:400;white-space:normal}
.heat-map{display:block;width:100%;min-width:640px;max-width:940px;height:auto}
.heat-map .names text{font-size:9.5px;fill:var(--text)}
.heat-map .axis-name{fill:var(--quiet)}
.frame{fill:none;stroke:var(--edge)}
.timeline{display:block;width:100%;min-width:600px;height:auto}
.start{fill:var(--start)}.stay{fill:var(--stay)}.broker{fill:var(--warn)}.paused{fill:var(--mark)}.timeline .validation,.key .validation{fill:var(--score);stroke:none}.key path.validation{fill:none;stroke:var(--validation)}
.loss{stroke:var(--warn);stroke-width:2;fill:none}
.parts{display:block;width:100%;height:14px;border-radius:3px;margin:1.2em 0 .4em}
.part-fetch{fill:#56b4e9}.part-data{fill:#cc79a7}.part-compute{fill:#009e73}.part-send{fill:#e69f00}.part-reduce{fill:#0072b2}.part-optimize{fill:#d55e00}.part-wait{fill:var(--start)}
.events{margin:.3em 0;padding-left:1.2em;font-size:.92rem}
.events li{margin:.2em 0;overflow-wrap:anywhere}
time{color:var(--quiet);font-variant-numeric:tabular-nums;font-size:.9em}
footer{margin-top:40px;padding-top:14px;padding-bottom:40px;border-top:1px solid var(--edge);font-size:.85rem}
${heatTones()}
@media screen and (max-width:700px){td:not(.number):last-child{min-width:11em}main,header,nav,footer{padding-left:14px;padding-right:14px}h1{font-size:1.5rem}.charts{grid-template-columns:minmax(0,1fr)}.figures,.panels{grid-template-columns:repeat(2,minmax(0,1fr))}.facts div{grid-template-columns:1fr;gap:0}.heat-map{min-width:760px}.options td:last-child{min-width:420px}.strip{grid-template-columns:repeat(auto-fill,minmax(96px,1fr))}}
@media print{:root{color-scheme:light;--text:#000;--quiet:#444;--ground:#fff;--raised:#f6f7f9;--edge:#c8ccd2;--accent:#000;--good:#0a6b42;--warn:#9a3b00;--grid:#dcdfe4;--training:#0072b2;--validation:#c44e00;--score:#007f5f;--accuracy:#8a5a9e;--mark:#8250c4;--right:10,94,168;--wrong:213,94,0;--stay:#5aa3d8;--start:#9aa3ad}body{font-size:10.5pt}nav,summary{display:none}main,header,footer{max-width:none;padding-left:0;padding-right:0}section{margin-top:18px;padding-top:12px}.scroll{overflow:visible}pre{white-space:pre-wrap}.chart,.photo,.figures li,.heat-map,.timeline,tr{break-inside:avoid}h2,h3,caption{break-after:avoid}.charts{grid-template-columns:repeat(2,minmax(0,1fr))}.panels{grid-template-columns:repeat(4,minmax(0,1fr))}.figures{grid-template-columns:repeat(4,1fr)}.heat-map,.timeline{min-width:0}.options td:last-child{min-width:0}.facts div{grid-template-columns:150px 1fr}table{font-size:.8em}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
@page{margin:14mm}
`;

/** Cells of the table stay pale enough for their figures to be read; those of the drawing have none. */
function heatTones(): string {
  return Array.from({ length: 10 }, (_, index) => {
    const tone = index + 1;
    const share = (0.05 + 0.047 * tone).toFixed(2);
    const rule = (kind: string) =>
      `td.${kind}-${tone}{background:rgba(var(--${kind}),${share})}rect.${kind}-${tone}{fill:rgba(var(--${kind}),${(0.1 * tone).toFixed(1)})}`;
    return rule('right') + rule('wrong');
  }).join('');
}
