using System.Globalization;
using Bam.Configuration;
using Bam.Evaluation.Tasks.Prompting;
using Bam.Models;
using Bam.Training;
using Bam.Upcycling;
using YamlDotNet.RepresentationModel;

namespace Bam.Experiments.Recipes;

/// <summary>The rules that span several keys of a recipe.</summary>
/// <param name="recipe">The recipe, each key of which is valid by itself.</param>
/// <param name="written">The file's own mapping, for line numbers and for what is not written there.</param>
/// <param name="file">The file, for faults.</param>
internal sealed class RecipeRules(Recipe recipe, YamlMappingNode written, string file)
{
    private static readonly string[] TrainingKeys =
        [.. ConfigKey.Of(typeof(TrainingSettings)).Select(key => key.Name), "shares", "general_share"];

    /// <summary>Checks them all.</summary>
    /// <exception cref="InvalidInputException">One is broken.</exception>
    public void Check()
    {
        CheckNames();
        if (recipe.PrepareReads.Count > 0 && recipe.Prepare is null)
            throw Fault(["prepare_reads"], "key 'prepare_reads' has no meaning without 'prepare'; name the script or remove it");
        CheckSeed();
        foreach (var (name, expert) in recipe.Experts) CheckExpert(name, expert);
        foreach (var (name, mixture) in recipe.Mixtures) CheckMixture(name, mixture);
        CheckProbes();
        foreach (var (name, task) in recipe.Tasks) CheckTask(name, task);
        CheckProcesses();
        CheckStudy();
    }

    /// <summary>Where the keys stand that name a checkpoint, a tokenizer or a task, as "recipe.yaml:5", by key.</summary>
    public IReadOnlyDictionary<string, string> PlacesOfGivenFiles()
    {
        string[][] keys =
        [
            ["tokenizer", "path"], ["seed", "checkpoint"],
            .. recipe.Experts.Keys.Select(name => new[] { "experts", name, "checkpoint" }),
            .. recipe.Tasks.Keys.SelectMany(name => ConfigKey.Of(typeof(RecipeTask))
                .Select(key => new[] { "tasks", name, key.Name }).Append(["tasks", name])),
        ];
        return keys.Where(key => At(key) is not null)
            .ToDictionary(key => string.Join('.', key), key => SectionLocation.At(file, At(key, nearest: true)!));
    }

    private void CheckStudy()
    {
        if (recipe.RandomSeeds.Distinct().Count() < recipe.RandomSeeds.Count)
            throw Fault(["random_seeds"], "key 'random_seeds': a number is there twice; each unit needs its own");
        CheckDrawnSeeds();
        foreach (var table in recipe.Tables)
        {
            if (table.Title.Length == 0) throw Fault(["tables"], "key 'tables': a 'title' is empty; say what the table shows");
            if (table.Models.Count == 0)
                throw Fault(["tables"], "key 'tables': expected at least one model in 'models', found none");
            RequireEachOnce("tables", table.Models);
            CheckModels("tables", table.Models);
            CheckDomains("tables", table.Domains);
            if (table.Against is { } against) CheckModels("tables", [against]);
            CheckPaper(table);
        }

        if (recipe.Latency is { } latency)
        {
            CheckModels("latency", latency.Models);
            if (latency.Models.Count == 0 || latency.Models.Distinct().Count() < latency.Models.Count)
                throw Fault(["latency", "models"], "key 'latency.models': expected at least one model, and none twice");
            if (latency.Presets.Distinct().Count() < latency.Presets.Count)
                throw Fault(["latency", "presets"], "key 'latency.presets': a preset is there twice; keep one");
            foreach (var preset in latency.Presets)
                ModelPresets.Named(preset, SectionLocation.At(file, At(["latency", "presets"], nearest: true)!));
        }

        foreach (var claim in recipe.Claims)
        {
            if (claim.Says.Length == 0) throw Fault(["claims"], "key 'claims': a 'says' is empty; say what is claimed");
            RequireEachOnce("claims", claim.Order);
            CheckModels("claims", claim.Order);
            CheckDomains("claims", claim.Domains);
            if (claim.Order.Count < 2) throw Fault(["claims"], "key 'claims': an 'order' needs at least two models");
        }

        if (recipe.HasOneUnit && recipe.Results is not null)
            throw Fault(["results"], "key 'results' has no meaning without 'random_seeds'; add them or remove it");
    }

    private void CheckDrawnSeeds()
    {
        foreach (var at in Models.Select(model => model.At).Prepend([CommonTraining.Key]))
        {
            if (At([.. at, "data_seed"]) is YamlScalarNode { Value: var drawn }
                && recipe.RandomSeeds.Any(seed => seed.ToString(CultureInfo.InvariantCulture) != drawn))
                throw Fault(
                    [.. at, "data_seed"],
                    $"key '{string.Join('.', at)}.data_seed' has no effect with 'random_seeds', whose numbers it would be; "
                    + "remove it");
        }
    }

    private IEnumerable<(string[] At, TrainingSettings Training)> Models =>
    [
        (["seed"], recipe.Seed.Training),
        .. recipe.Experts.Select(expert => (new[] { "experts", expert.Key }, expert.Value.Training)),
        .. recipe.Mixtures.Select(mixture => (new[] { "mixtures", mixture.Key }, mixture.Value.Training)),
    ];

    private void CheckProcesses()
    {
        foreach (var (at, training) in Models)
            if (CommonTraining.KeyOfProcesses(training) is { } key)
                throw Fault([.. at, key], CommonTraining.HasNoEffect($"{string.Join('.', at)}.{key}"));
    }

    private void CheckPaper(RecipeTable table)
    {
        CheckModels("tables", table.Paper.Keys);
        string[] columns = [.. table.Domains ?? [.. recipe.Domains.Keys], "mean"];
        foreach (var (column, figure) in table.Paper.Values.SelectMany(figures => figures))
        {
            if (!columns.Contains(column))
                throw Fault(["tables"], $"key 'tables': 'paper' has no column '{column}'{Suggestion.For(column, columns)}");
            if (!(figure > 0))
                throw Fault(["tables"], $"key 'tables': 'paper' expected perplexities above 0, found {Text(figure)}; correct it");
        }

        static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
    }

    private void RequireEachOnce(string key, IReadOnlyList<string> names)
    {
        if (names.Distinct().Count() < names.Count) throw Fault([key], $"key '{key}': a model is there twice; keep one");
    }

    private void CheckModels(string key, IEnumerable<string> names) => CheckModels([key], names);

    private void CheckModels(string[] at, IEnumerable<string> names)
    {
        string[] models = ["seed", .. recipe.Experts.Keys, .. recipe.Mixtures.Keys];
        foreach (var name in names.Except(models))
            throw Fault(at, $"key '{string.Join('.', at)}': there is no model '{name}'{Suggestion.For(name, models)}");
    }

    private void CheckDomains(string key, IReadOnlyList<string>? domains)
    {
        if (domains is null) return;
        if (domains.Count == 0) throw Fault([key], $"key '{key}': expected at least one domain in 'domains', found none");
        if (domains.Distinct().Count() < domains.Count)
            throw Fault([key], $"key '{key}': a domain is there twice in 'domains'; keep one");
        foreach (var domain in domains.Except(recipe.Domains.Keys))
            throw Fault([key], $"key '{key}': there is no domain '{domain}'{Suggestion.For(domain, [.. recipe.Domains.Keys])}");
    }

    private void CheckNames()
    {
        if (recipe.Domains.Count == 0) throw Fault(["domains"], "key 'domains': expected at least one domain, found none");
        if (recipe.Name.Length > 0 && !IsName(recipe.Name)) throw NotAName(["name"], recipe.Name);
        foreach (var group in new[] { "domains", "experts", "mixtures" })
            foreach (var name in Names(group))
                if (!IsName(name)) throw NotAName([group, name], name);
        foreach (var name in recipe.Mixtures.Keys.Where(recipe.Experts.ContainsKey))
            throw Fault(
                ["mixtures", name], $"key 'mixtures.{name}': an expert has that name too; give each model a name of its own");
        foreach (var group in new[] { "experts", "mixtures" })
            if (Names(group).Contains("seed"))
                throw Fault([group, "seed"], $"key '{group}.seed': 'seed' names the seed model; choose another name");
    }

    private void CheckProbes()
    {
        if (recipe.ProbePrepareReads.Count > 0 && recipe.ProbePrepare is null)
            throw Fault(
                ["probe_prepare_reads"],
                "key 'probe_prepare_reads' has no meaning without 'probe_prepare'; name the script or remove it");
        if (recipe.ProbePrepare is not null && recipe.Probes.Values.All(probe => probe.Files is null))
            throw Fault(
                ["probe_prepare"], "key 'probe_prepare' has no meaning without a probe that has 'files'; add one or remove it");
        foreach (var (name, probe) in recipe.Probes)
        {
            if (!IsName(name)) throw NotAName(["probes", name], name);
            foreach (var domain in probe.Of ?? []) CheckDomain(["probes", name, "of"], domain);
        }

        var parts = recipe.Probes.SelectMany(probe => probe.Value.Parts(probe.Key));
        if (parts.GroupBy(part => part.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw Fault(
                ["probes", twice.Key],
                $"key 'probes': two probes are called '{twice.Key}' (of several domains each is called NAME-DOMAIN); rename one");
    }

    private void CheckTask(string name, RecipeTask task)
    {
        string[] at = ["tasks", name];
        if (!IsName(name)) throw NotAName(at, name);
        var (named, tasks) = (task.Task ?? name, TaskLibrary.Names);
        if (!TaskLibrary.IsFile(named) && !tasks.Contains(named))
            throw Fault(
                [.. at, "task"],
                $"key 'tasks.{name}': there is no task '{named}'{Suggestion.For(named, tasks)}; "
                + $"known are {string.Join(", ", tasks)}; for a task of your own give 'task' the path of its .yaml file");
        if (task.Models is null) return;
        if (task.Models.Count == 0 || task.Models.Distinct().Count() < task.Models.Count)
            throw Fault([.. at, "models"], $"key 'tasks.{name}.models': expected at least one model, and none twice");
        CheckModels([.. at, "models"], task.Models);
    }

    private void CheckSeed()
    {
        CheckShares(["seed"], recipe.Seed.Shares);
        if (recipe.Seed.Checkpoint is not null)
        {
            CheckGiven(["seed"]);
            if (recipe.Model is not null)
            {
                throw Fault(
                    ["model"], "key 'model' and key 'seed.checkpoint' exclude each other: the checkpoint has its own sizes");
            }
            if (written.Has("tokenizer") && recipe.Tokenizer.Path is null)
                throw Fault(
                    ["tokenizer"],
                    "key 'tokenizer': a seed checkpoint brings its own; remove the section, or name a file by 'path'");
            return;
        }

        if (recipe.Model is null) throw Fault(["seed"], "key 'model' is missing: the sizes of the seed; or name a 'checkpoint'");
        CheckBudget(["seed"], recipe.Seed.Training);
        if (recipe.Seed.Shares is null) CheckGeneralDomain(["seed"], "the seed is trained on it");
    }

    private void CheckExpert(string name, RecipeExpert expert)
    {
        string[] at = ["experts", name];
        var domain = expert.DomainOf(name);
        if (expert.Checkpoint is not null) CheckGiven(at);
        else CheckBudget(at, expert.Training);
        if (expert.Checkpoint is null || expert.Domain is not null) CheckDomain([.. at, "domain"], domain);
        if (expert.Checkpoint is null && expert.GeneralShare > 0 && domain != recipe.GeneralDomain)
            CheckGeneralDomain(at, $"{name} keeps a share of it ('general_share')");
    }

    private void CheckMixture(string name, RecipeMixture mixture)
    {
        string[] at = ["mixtures", name];
        if (recipe.Experts.Count == 0)
            throw Fault(at, $"key 'mixtures.{name}': a mixture needs 'experts', and the recipe has none");
        CheckShares(at, mixture.Shares);
        CheckMembers([.. at, "of"], mixture);
        if (mixture.Method == MixtureMethod.Dense && !mixture.IsTrained)
            throw Fault(at, $"key 'mixtures.{name}': the seed is not trained on without a budget; give it 'tokens' or 'match'");
        if (mixture.RouterTokens is not null || mixture.Routers == RouterStart.Calibrated) CheckRouters(name, mixture);
        CheckOptions(name, mixture);
        CheckMatch(at, name, mixture);
    }

    /// <summary>The method's own rules, with their faults at the recipe's keys.</summary>
    private void CheckOptions(string name, RecipeMixture mixture)
    {
        var members = mixture.MembersIn(recipe);
        var options = mixture.SettingsIn(recipe).OptionsFor(
            ["seed", .. mixture.Method == MixtureMethod.Sparse ? [] : members], ["seed", .. members]);
        if (MixtureMethods.Named(mixture.MixedBy).FindFault(options) is not { } fault) return;
        var key = fault.Option == "router-text" ? KeyOfRouters(mixture) : fault.Option.Replace('-', '_');
        throw Fault(["mixtures", name, key], fault.Reason is { } reason
            ? $"key 'mixtures.{name}.{key}': {reason}"
            : $"key '{key}' has no meaning for method {mixture.MethodName}; remove it");
    }

    private void CheckRouters(string name, RecipeMixture mixture)
    {
        string[] at = ["mixtures", name, KeyOfRouters(mixture)];
        var key = string.Join('.', at);
        var models = mixture.MembersIn(recipe);
        CheckGeneralDomain(at, $"the routers of '{name}' are calibrated on it ('{at[^1]}')");
        var taken = new Dictionary<string, string> { [recipe.GeneralDomain] = "seed" };
        foreach (var model in models)
        {
            var domain = recipe.Experts[model].DomainOf(model);
            if (!recipe.Domains.ContainsKey(domain))
                throw Fault(
                    at,
                    $"key '{key}': there is no domain '{domain}' to calibrate the router row of '{model}' on; name one by "
                    + $"'experts.{model}.domain'");
            if (!taken.TryAdd(domain, model))
                throw Fault(
                    at,
                    $"key '{key}': '{taken[domain]}' and '{model}' have one domain, '{domain}', and their router rows would "
                    + "be equal; leave it out");
        }
    }

    private static string KeyOfRouters(RecipeMixture mixture) => mixture.RouterTokens is null ? "routers" : "router_tokens";

    private void CheckMembers(string[] at, RecipeMixture mixture)
    {
        if (mixture.Of is not { } members) return;
        if (members.Count == 0) throw Fault(at, $"key '{string.Join('.', at)}': expected at least one expert, found none");
        foreach (var member in members.Where(member => !recipe.Experts.ContainsKey(member)))
            throw Fault(
                at,
                $"key '{string.Join('.', at)}': there is no expert '{member}'{Suggestion.For(member, [.. recipe.Experts.Keys])}");
    }

    private void CheckMatch(string[] at, string name, RecipeMixture mixture)
    {
        var seen = new List<string> { name };
        for (var match = mixture.Match; match is not null;)
        {
            if (!recipe.Mixtures.TryGetValue(match.Mixture, out var other))
                throw Fault(
                    [.. at, "match", "mixture"],
                    $"key 'mixtures.{seen[^1]}.match.mixture': there is no mixture "
                    + $"'{match.Mixture}'{Suggestion.For(match.Mixture, [.. recipe.Mixtures.Keys])}");
            if (seen.Contains(match.Mixture))
                throw Fault(
                    [.. at, "match", "mixture"],
                    $"key 'mixtures.{name}.match.mixture': the budgets go round in a circle ({string.Join(" → ", seen)} → "
                    + $"{match.Mixture}); give one of them 'tokens'");
            if (!other.IsTrained)
                throw Fault(
                    [.. at, "match", "mixture"],
                    $"key 'mixtures.{name}.match.mixture': '{match.Mixture}' is only mixed, not trained; give it 'tokens'");
            seen.Add(match.Mixture);
            match = other.Match;
        }
    }

    private void CheckGiven(string[] at)
    {
        var section = At(at) as YamlMappingNode;
        if (TrainingKeys.FirstOrDefault(key => section?.Has(key) == true) is { } key)
            throw Fault(
                [.. at, key],
                $"key '{string.Join('.', at)}.{key}' has no effect on a checkpoint, which is not trained; remove it, or "
                + "remove 'checkpoint'");
    }

    private void CheckBudget(string[] at, TrainingSettings settings)
    {
        if (settings.Tokens is null && settings.Steps is null)
            throw Fault(at, $"key '{string.Join('.', at)}.tokens' is missing: how long to train; or name a 'checkpoint'");
    }

    private void CheckShares(string[] at, IReadOnlyDictionary<string, double>? shares)
    {
        if (shares is null) return;
        if (shares.Count == 0)
            throw Fault([.. at, "shares"], $"key '{string.Join('.', at)}.shares': expected at least one domain, found none");
        foreach (var domain in shares.Keys) CheckDomain([.. at, "shares", domain], domain);
    }

    private void CheckDomain(string[] at, string domain)
    {
        if (!recipe.Domains.ContainsKey(domain))
            throw Fault(
                at,
                $"key '{string.Join('.', at)}': there is no domain '{domain}'{Suggestion.For(domain, [.. recipe.Domains.Keys])}");
    }

    private void CheckGeneralDomain(string[] at, string why)
    {
        if (!recipe.Domains.ContainsKey(recipe.GeneralDomain))
            throw Fault(at, $"there is no domain '{recipe.GeneralDomain}', and {why}; name one by 'general_domain'");
    }

    private IEnumerable<string> Names(string group) => group switch
    {
        "domains" => recipe.Domains.Keys,
        "experts" => recipe.Experts.Keys,
        _ => recipe.Mixtures.Keys,
    };

    private static bool IsName(string name) =>
        name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') && char.IsAsciiLetterOrDigit(name.FirstOrDefault());

    private InvalidInputException NotAName(string[] at, string name) =>
        Fault(at, $"'{name}' cannot be a name: it names files too; use letters, digits, '-', '_' and '.'");

    private InvalidInputException Fault(string[] at, string message) =>
        new($"{SectionLocation.At(file, At(at, nearest: true)!)}: {message}");

    /// <summary>The key's own node, or the deepest one above it that is written.</summary>
    private YamlNode? At(string[] path, bool nearest = false)
    {
        YamlNode node = written;
        YamlNode place = written;
        foreach (var name in path)
        {
            var key = (node as YamlMappingNode)?.Children.Keys.FirstOrDefault(
                k => k is YamlScalarNode scalar && scalar.Value == name);
            if (key is null) return nearest ? place : null;
            place = key;
            node = ((YamlMappingNode)node).Children[key];
        }

        return nearest ? place : node;
    }
}
