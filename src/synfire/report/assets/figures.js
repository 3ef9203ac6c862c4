"use strict";
// What every page needs: what is packed in it, and figures in its colours.
const at = (id) => document.getElementById(id);
const unzip = async (id) => {
  const bytes = Uint8Array.from(atob(at(id).textContent.trim()), (c) => c.charCodeAt(0));
  const whole = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(whole).text();
};

const opened = async () => {
  const code = document.createElement("script");
  code.textContent = await unzip("plotly");
  document.head.append(code);
  return JSON.parse(await unzip("data"));
};

const complain = (error) => {
  at("trouble").hidden = false;
  at("trouble").textContent = `The figures cannot be shown (${error}). A browser of 2023 or later is needed.`;
};

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const themed = (layout) => {
  const line = colour("line");
  const made = {
    ...layout,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("ink"), size: 12, family: "system-ui, sans-serif" },
    margin: { l: 60, r: 20, t: 15, b: 50 },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", ...layout.legend },
    autosize: true,
  };
  for (const key of Object.keys(made).filter((name) => /^[xy]axis\d*$/.test(name))) {
    made[key] = { automargin: true, gridcolor: line, linecolor: line, zerolinecolor: line, ...made[key] };
    made[key].title = { standoff: 12, ...made[key].title };
    if (made[key].tickvals?.length > 12) made[key].tickfont = { size: 10 };
  }
  return made;
};

const show = (place, figure) => {
  const options = { responsive: true, displayModeBar: false };
  Plotly.react(place, structuredClone(figure.data), themed(structuredClone(figure.layout)), options);
};
