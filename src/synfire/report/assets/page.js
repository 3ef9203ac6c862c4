(async () => {
  let data;
  try {
    data = await opened();
  } catch (error) {
    return complain(error);
  }

  const chosen = () => ({
    pricer: at("pricer").value,
    base: data.base[at("pricer").value],
    run: at("run").value,
    sample: at("sample").value || "0",
  });
  const fill = (key) => key.replace(/\{(\w+)\}/g, (_, name) => chosen()[name]);

  const reason = (key) => {
    for (let part = key; part; part = part.slice(0, Math.max(0, part.lastIndexOf("|")))) {
      if (data.missing[part]) return data.missing[part];
    }
    return "there is nothing to show for this choice";
  };

  // Room for every name on an axis of names; where the page is too narrow, the figure scrolls.
  const stretch = (place, layout) => {
    const names = (axis) => layout?.[axis]?.tickvals?.length ?? 0;
    place.style.minWidth = names("xaxis") ? `${110 + 14 * names("xaxis")}px` : "";
    place.style.minHeight = names("yaxis") ? `${110 + 14 * names("yaxis")}px` : "";
  };

  const draw = (place) => {
    const key = fill(place.dataset.key);
    const figure = data.figures[key];
    const figureBox = place.closest("figure");
    const caption = figureBox.querySelector("h2, h3").textContent;
    place.classList.toggle("empty", !figure);
    stretch(place, figure?.layout);
    if (!figure) {
      Plotly.purge(place);
      const said = document.createElement("p");
      said.className = "missing";
      said.textContent = `Not shown: ${reason(key)}.`;
      place.replaceChildren(said);
      return;
    }
    if (!place.classList.contains("js-plotly-plot")) place.replaceChildren();
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", caption);
    show(place, figure);
  };

  const tell = () => {
    const { run, pricer } = chosen();
    for (const cell of document.querySelectorAll("td[data-energy]")) {
      cell.textContent = data.energies[cell.dataset.energy]?.[pricer] ?? "–";
    }
    for (const row of document.querySelectorAll("tr[data-run]")) {
      row.classList.toggle("chosen", row.dataset.run === run && !at("details").hidden);
    }
    const detail = data.runs[run];
    if (!detail) return;
    at("which").textContent = detail.name;
    at("recipe").textContent = detail.recipe || "There is no recipe.yaml in this run folder.";
    at("environment").textContent = detail.environment || "There is no environment.json in this run folder.";
    const bill = detail.bills[pricer];
    at("assumptions").textContent = bill ? `${bill.total} in all. ${bill.assumptions.join("; ")}. Source: ${bill.source}.` : "";
    at("verdicts").replaceChildren(...rows([...detail.verdicts, ...(bill?.limits ?? [])]));
  };

  const rows = (table) => table.map((line, place) => {
    const row = document.createElement("tr");
    row.append(...line.map((word) => {
      const cell = document.createElement(place ? "td" : "th");
      cell.className = "words";
      cell.textContent = word;
      return cell;
    }));
    return row;
  });

  const offerSamples = () => {
    const samples = data.runs[at("run").value]?.samples ?? [];
    const options = samples.map((label, place) => new Option(label, place));
    at("sample").replaceChildren(...options);
    at("sample").disabled = !options.length;
  };

  const update = (...changed) => {
    for (const place of document.querySelectorAll(".plot")) {
      const box = place.closest(".optional");
      if (box) box.hidden = !data.figures[fill(place.dataset.key)];
      if (place.closest("[hidden]")) continue;
      if (!changed.length || changed.some((name) => place.dataset.key.includes(`{${name}}`))) draw(place);
    }
    tell();
  };

  at("pricer").addEventListener("change", () => update("pricer", "base"));
  at("run").addEventListener("change", () => { offerSamples(); update("run"); });
  at("sample").addEventListener("change", () => update("sample"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => update());
  // A link may choose: report.html#run=digits-1&pricer=operations-45nm-int8&sample=2
  const wanted = new URLSearchParams(location.hash.slice(1));
  const choose = (id) => {
    const option = [...at(id).options].find((one) => [one.value, one.text].includes(wanted.get(id)));
    if (option) at(id).value = option.value;
  };
  choose("pricer");
  choose("run");
  offerSamples();
  choose("sample");
  update();
  document.documentElement.dataset.ready = "yes";
})();
