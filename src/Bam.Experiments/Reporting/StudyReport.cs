using System.Globalization;
using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;
using Bam.Files;

namespace Bam.Experiments.Reporting;

/// <summary>
/// The report of a recipe's results: one HTML file without scripts or outside references. The same results give the same bytes.
/// </summary>
internal static class StudyReport
{
    private const double Gibibyte = 1L << 30;
    private const string OtherMachines = "The units come from different machines; their times cannot be compared.";

    /// <summary>
    /// Writes the report with its figures for programs, as JSON and CSV. Removes those that only an earlier version of the recipe
    /// made.
    /// </summary>
    /// <returns>The report's path.</returns>
    /// <exception cref="InvalidInputException">Another file has the name of one of them.</exception>
    /// <exception cref="WorkFailedException">A file cannot be written.</exception>
    public static string Write(Study study, string directory)
    {
        var files = new StudyFiles(study.Recipe, directory);
        OutputPath.RequireFile(files.Page, "an older report to replace", HtmlPage.IsOne, []);
        OutputPath.RequireFile(files.Json, "older figures to replace", StudyFigures.IsJson, []);
        OutputPath.RequireFile(files.Csv, "older figures to replace", StudyFigures.IsCsv, []);
        if (TaskMeasure.Of(study).Count > 0)
            OutputPath.RequireFile(files.TasksCsv, "older figures to replace", TaskFiles.IsCsv, []);
        WritePage(study, files.Page);
        StudyFigures.WriteJson(study, files.Json);
        StudyFigures.WriteCsv(study, files.Csv);
        TaskFiles.WriteCsv(study, files.TasksCsv);
        RemoveOld(study, files);
        return files.Page;
    }

    /// <summary>Writes the report alone.</summary>
    /// <exception cref="InvalidInputException">The file exists and is no report.</exception>
    /// <exception cref="WorkFailedException">The file cannot be written.</exception>
    public static void WritePage(Study study, string path)
    {
        OutputPath.RequireFile(path, "an older report to replace", HtmlPage.IsOne, []);
        AtomicFile.WriteText(path, Render(study));
    }

    /// <summary>How many of the units are finished, as "seeds 1, 2 finished, 3 missing".</summary>
    public static string Progress(Study study)
    {
        var finished = List(study.Units.Select(unit => unit.RandomSeed));
        var missing = List(study.MissingSeeds);
        if (study.Units.Count == 0) return $"no seed finished, {missing} missing";
        var seeds = study.Units.Count == 1 ? "seed" : "seeds";
        return study.MissingSeeds.Count == 0
            ? $"{seeds} {finished}, all finished"
            : $"{seeds} {finished} finished, {missing} missing";
    }

    /// <summary>Appends a warning if the units do not compare.</summary>
    public static void AddWarning(Html html, Study study)
    {
        if (TextDifference.InWords(TextDifference.Of(study)) is { } text)
            html.Line($"<p class='warning'>Warning: {text}.</p>");
    }

    // They would be taken for this version's. The results themselves stay: a recipe that is changed back uses them again.
    private static void RemoveOld(Study study, StudyFiles files)
    {
        if (TaskMeasure.Of(study).Count == 0) Remove(files.TasksCsv, TaskFiles.IsCsv);
        var old = files.OfOtherForm;
        // Files of the same names may be those of another recipe in this directory, or just written.
        if (StudySet.IsTaken(study.Name) || !StudyFigures.IsJson(old.Json, study.Name)) return;
        Remove(old.Page, HtmlPage.IsOne);
        Remove(old.Csv, StudyFigures.IsCsv);
        Remove(old.TasksCsv, TaskFiles.IsCsv);
        Remove(old.Json, StudyFigures.IsJson);

        static void Remove(string path, Func<string, bool> isOld)
        {
            if (isOld(path)) File.Delete(path);
        }
    }

    private static string Render(Study study)
    {
        var body = new Html();
        AddHeader(body, study);
        if (study.Units.Count > 0)
        {
            FigureTables.AddPerplexities(body, study);
            ChangeBars.Add(body, study);
            FigureTables.AddProbes(body, study);
            TaskTables.Add(body, study);
            LatencyTables.Add(body, study);
            ClaimTable.Add(body, study);
            LossCurves.Add(body, study);
            CostScatter.Add(body, study);
            RoutingMaps.Add(body, study);
            StabilityTable.Add(body, study);
            BudgetTable.Add(body, study);
            CostTable.Add(body, study);
            FigureTables.AddBitsPerByte(body, study);
            AddUnits(body, study);
        }

        AddRecipe(body, study);
        return HtmlPage.Of($"{study.Title} · Bam report", body);
    }

    private static void AddHeader(Html html, Study study)
    {
        html.Line($"<header>")
            .Line($"<p class='product'>Bam {(study.Recipe.HasOneUnit ? "experiment" : "study")} {study.Name}</p>")
            .Line($"<h1>{study.Title}</h1>")
            .Line($"<p class='date'>{(study.Recipe.HasOneUnit ? Machine(study.Units[0]) : Progress(study))}{Date(study)}</p>");
        if (study.Recipe.About.Length > 0) html.Line($"<p class='summary'>{study.Recipe.About}</p>");
        else AddSummary(html, study);
        var statistics = study.Units.Count switch
        {
            0 => "No unit is finished yet: there is nothing to show.",
            1 => "One seed is finished: there are no intervals, and any difference may be due to chance.",
            var count => string.Create(
                CultureInfo.InvariantCulture,
                $"Figures are means ± standard deviations over {count} seeds; "
                + $"for changes, ± is the half-width of the paired 95 % t-interval."),
        };
        html.Line($"<p class='reading'>{statistics}</p>");
        AddWarning(html, study);
        html.Line($"</header>");
    }

    private static void AddSummary(Html html, Study study)
    {
        var best = study.MeanModels.Where(model => double.IsFinite(model.MeanPerplexity)).MinBy(model => model.MeanPerplexity);
        if (best is null) return;
        html.Add($"<p class='summary'>The lowest mean perplexity is ")
            .Add($"<strong>{NumberText.Fixed(best.MeanPerplexity, 2)}</strong>, by ")
            .Add($"<strong>{best.Name}</strong>");
        if (study.Tables[0].Against is { } against && against != best.Name)
        {
            var comparison = Comparison.Of(study, best.Name, against, ModelFigure.MeanPerplexity(study.Domains));
            html.Add($", {ChangeText.Of(comparison.Change)} against {against}");
        }

        if (study.Claims is { Count: > 0 } claims)
            html.Add($". {claims.Count(claim => claim.Verdict.Agrees())} of {claims.Count} <a href='#claims'>claims</a> held");
        html.Line($".</p>");
    }

    private static string Date(Study study)
    {
        if (study.Units.Count == 0) return "";
        var last = study.Units.Max(unit => unit.Created).ToUniversalTime();
        return $"\u00a0· {last.ToString("d MMMM yyyy, HH:mm", CultureInfo.InvariantCulture)} UTC";
    }

    private static string Machine(Results unit) => $"{Count(unit.Machine.Threads, "thread")} on {unit.Machine.Cpu}";

    private static void AddUnits(Html html, Study study)
    {
        var machines = study.Units.Select(unit => unit.Machine).Distinct().Count();
        html.Line($"<section id='units'>")
            .Line($"<h2>{(study.Recipe.HasOneUnit ? "Machine" : "Units")}</h2>")
            .Add($"<p>{(study.Recipe.HasOneUnit ? "" : "Each seed is one unit. ")}")
            .Add($"Wall time is that of all phases behind the figures, each counted once")
            .Add($"{(study.Recipe.HasOneUnit ? "" : ", including phases shared with other units and studies")}; ")
            .Add($"for an interrupted training it is at least the time of its steps.")
            .Line($"{(machines > 1 ? $" {OtherMachines}" : "")}</p>")
            .Line($"<div class='scroll' role='region' tabindex='0' aria-label='Units'>")
            .Line($"<table class='costs words'><caption>Units by seed number</caption>")
            .Add($"<thead><tr><th scope='col'>Seed</th><th scope='col'>Wall time</th><th scope='col'>Finished (UTC)</th>")
            .Add($"<th scope='col'>Processor</th><th scope='col'>Threads</th><th scope='col'>Memory</th>")
            .Line($"<th scope='col'>libtorch</th><th scope='col'>BLAS</th></tr></thead><tbody>");
        foreach (var unit in study.Units) AddUnit(html, unit);
        foreach (var seed in study.MissingSeeds)
            html.Line($"<tr><th scope='row'>{Text(seed)}</th><td colspan='7' class='untrained'>not finished</td></tr>");
        html.Line($"</tbody></table></div>").Line($"</section>");
    }

    private static void AddUnit(Html html, Results unit)
    {
        var machine = unit.Machine;
        html.Add($"<tr><th scope='row'>{Text(unit.RandomSeed)}</th><td>{NumberText.Duration(unit.Seconds)}</td>")
            .Add($"<td>{unit.Created.ToUniversalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)}</td>")
            .Add($"<td>{machine.Cpu}, {Count(machine.Cores, "core")}</td><td>{machine.Threads}</td>")
            .Add($"<td>{NumberText.Fixed(machine.Memory / Gibibyte, 1)}\u2009GiB</td>")
            .Line($"<td>{machine.Libtorch}</td><td>{machine.Blas}</td></tr>");
    }

    private static void AddRecipe(Html html, Study study)
    {
        var files = new StudyFiles(study.Recipe, "");
        var resolved = study.Recipe.HasOneUnit
            ? study.Units[0].ResolvedRecipe
            : RecipeWriter.Write(RecipePaths.Relative(study.Recipe));
        html.Line($"<section id='recipe'>")
            .Line($"<h2>Recipe and figures</h2>")
            .Add($"<p>The complete recipe, with all defaults; saved as a file, it can be run again. Figures of this page in ")
            .Line($"machine-readable form: <a href='{files.Json}'>{files.Json}</a>, <a href='{files.Csv}'>{files.Csv}</a>.</p>")
            .Line($"<details><summary>The resolved recipe</summary>")
            .Line($"<pre tabindex='0'><code>{resolved.TrimEnd()}</code></pre></details>")
            .Line($"</section>");
    }

    private static string List(IEnumerable<long> seeds) => string.Join(", ", seeds.Select(Text));

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Count(int count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");
}
