(async () => {
  let figures;
  try {
    figures = await opened();
  } catch (error) {
    return complain(error);
  }
  const update = () => {
    for (const place of document.querySelectorAll(".plot")) {
      place.setAttribute("role", "img");
      place.setAttribute("aria-label", place.closest("figure").querySelector("h2").textContent);
      show(place, figures[place.dataset.key]);
    }
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
  update();
  document.documentElement.dataset.ready = "yes";
})();
