using System.IO.Compression;
using System.Text.Json.Nodes;
using Bam.Data.Text;
using Bam.Experiments;
using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Models;
using Bam.Tests.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments;

public sealed class ExperimentGraphTests : IDisposable
{
    internal const string Recipe = """
        domains:
          general: { files: [general.txt] }
          law: { files: [law.txt] }
          code: { files: [code.txt] }
        tokenizer: { vocab_size: 300 }
        data: { held_out_fraction: 0.1 }
        model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
        training: { batch_size: 2, sequence_length: 16, log_every: 5 }
        seed: { tokens: 1000, learning_rate: 2e-3 }
        experts:
          law: { tokens: 500 }
          code: { tokens: 500 }
        mixtures:
          soup: { method: soup }
          btx: { method: btx, tokens: 400 }
          bam: { method: bam, tokens: 400 }
          bam-time: { method: bam, match: { mixture: btx, by: core_seconds } }
          bam-flops: { method: bam, share_key_value: true, match: { mixture: btx, by: flops } }
        evaluation: { batch_size: 4 }
        """;

    private const string Everything = "*";
    private const string AllModels =
        "train seed, train law, train code, mix soup, mix btx, mix bam, mix bam-time, mix bam-flops, train btx, train bam, "
        + "train bam-time, train bam-flops, budget bam-time, budget bam-flops, " + AllEvaluations;

    internal const string AllEvaluations =
        "evaluate seed, evaluate law, evaluate code, evaluate soup, evaluate btx, evaluate bam, evaluate bam-time, "
        + "evaluate bam-flops";

    private const string AllMixtures =
        "mix soup, mix btx, mix bam, mix bam-time, mix bam-flops, train btx, train bam, train bam-time, train bam-flops, "
        + "budget bam-time, budget bam-flops, evaluate soup, evaluate btx, evaluate bam, evaluate bam-time, evaluate bam-flops";

    private readonly string directory = Directory.CreateTempSubdirectory("bam-graph-").FullName;

    public ExperimentGraphTests()
    {
        foreach (var domain in new[] { "general", "law", "code" })
            File.WriteAllText(Path.Combine(directory, $"{domain}.txt"), $"some text about {domain}");
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData("batch_size: 4", "batch_size: 8", "")]
    [InlineData("log_every: 5", "log_every: 1", "")]
    [InlineData("log_every: 5", "log_every: 5, checkpoint_every: 7, threads: 1", "")]
    [InlineData("log_every: 5", "log_every: 5, device: cpu", "budget bam-time, train bam-time, evaluate bam-time")]
    [InlineData("log_every: 5", "log_every: 5, evaluate_every: 3", AllModels)]
    [InlineData("files: [law.txt] }", "files: [law.txt], skip_bad_lines: 2 }", Everything)]
    [InlineData("vocab_size: 300", "vocab_size: 301", Everything)]
    [InlineData("held_out_fraction: 0.1", "held_out_fraction: 0.2", "data general, data law, data code, " + AllModels)]
    [InlineData("hidden_size: 8", "hidden_size: 16", AllModels)]
    [InlineData("sequence_length: 16", "sequence_length: 8", AllModels)]
    [InlineData("tokens: 1000", "tokens: 1032", AllModels)]
    [InlineData("law: { tokens: 500 }", "law: { tokens: 532 }", "train law, evaluate law, " + AllMixtures)]
    [InlineData("law: { tokens: 500 }", "law: { tokens: 500, general_share: 0.5 }", "train law, evaluate law, " + AllMixtures)]
    [InlineData(
        "method: btx, tokens: 400", "method: btx, tokens: 432",
        "train btx, evaluate btx, budget bam-time, train bam-time, evaluate bam-time, budget bam-flops, train bam-flops, "
        + "evaluate bam-flops")]
    [InlineData("method: btx, tokens: 400", "method: btx, tokens: 400, learning_rate: 5e-4", "train btx, evaluate btx")]
    [InlineData("method: bam, tokens: 400", "method: bam, tokens: 400, shares: { law: 1, code: 2 }", "train bam, evaluate bam")]
    [InlineData("method: bam, tokens: 400", "method: bam, tokens: 400, attention_top_k: 1", "mix bam, train bam, evaluate bam")]
    [InlineData("method: bam, tokens: 400", "method: bam, tokens: 400, router_tokens: 64", "mix bam, train bam, evaluate bam")]
    [InlineData("method: bam, tokens: 400", "method: bam, tokens: 400, routers: random", "mix bam, train bam, evaluate bam")]
    [InlineData("method: bam, tokens: 400", "method: bam, tokens: 400, router_tokens: 16384", "")]
    [InlineData("by: core_seconds", "by: tokens", "budget bam-time, train bam-time, evaluate bam-time")]
    [InlineData("evaluation: { batch_size: 4 }", "evaluation: { sequence_length: 8 }", AllEvaluations)]
    [InlineData("soup: { method: soup }", "", "")]
    public void A_changed_line_changes_the_keys_of_what_depends_on_it(string line, string changed, string expected)
    {
        Recipe.ShouldContain(line);
        var before = Keys(Recipe);

        var after = Keys(Recipe.Replace(line, changed, StringComparison.Ordinal));

        var different = after.Where(phase => before.GetValueOrDefault(phase.Key) != phase.Value).Select(phase => phase.Key);
        var names = expected == Everything ? [.. before.Keys] : expected.Split(", ", StringSplitOptions.RemoveEmptyEntries);
        different.ShouldBe(names, ignoreOrder: true);
    }

    [Fact]
    public void The_seed_of_random_numbers_changes_everything() =>
        Keys(Recipe + "\nrandom_seed: 7").Values.Intersect(Keys(Recipe).Values).ShouldBeEmpty();

    [Fact]
    public void Changed_text_changes_its_tokens_and_the_tokenizer()
    {
        var before = Keys(Recipe);
        File.WriteAllText(Path.Combine(directory, "law.txt"), "other text");

        Keys(Recipe).Values.Intersect(before.Values).ShouldBeEmpty();
    }

    [Fact]
    public void A_file_that_is_read_in_another_way_is_other_text()
    {
        var before = Keys(Recipe);
        File.Move(Path.Combine(directory, "law.txt"), Path.Combine(directory, "law.jsonl"));

        Keys(Recipe.Replace("law.txt", "law.jsonl", StringComparison.Ordinal)).Values.Intersect(before.Values).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("files: [law.txt]", true)]
    [InlineData("files: [law.jsonl], text_key: body", true)]
    [InlineData("files: [law.jsonl]", false)]
    [InlineData("files: [law.txt], text_key: body", false)]
    public void The_format_of_which_the_keys_speak_adds_nothing(string files, bool isUsual)
    {
        var text = Path.Combine(directory, "law.txt");
        File.Copy(text, Path.Combine(directory, "law.jsonl"));

        var law = Graph(Recipe.Replace("files: [law.txt]", files, StringComparison.Ordinal)).Order
            .First(phase => phase.Title == "data law");

        (law.Inputs.Files["text of law"] == new FileHashes(Path.Combine(directory, "inputs.json")).OfAll([text]))
            .ShouldBe(isUsual);
    }

    [Fact]
    public void Measured_while_training_in_other_windows_the_kept_curve_is_another()
    {
        var measured = Recipe.Replace("log_every: 5", "log_every: 5, evaluate_every: 3", StringComparison.Ordinal);
        var before = Keys(measured);

        var after = Keys(measured.Replace("evaluation: {", "evaluation: { sequence_length: 8,", StringComparison.Ordinal));

        after["train seed"].ShouldNotBe(before["train seed"]);
        Keys(measured.Replace("evaluation: {", "evaluation: { sequence_length: 16,", StringComparison.Ordinal)).ShouldBe(before);
    }

    [Theory]
    [InlineData("log_every: 5", false)]
    [InlineData("log_every: 5, evaluate_every: 3", true)]
    public void With_a_given_tokenizer_domains_that_are_only_measured_count_where_training_measures_them(
        string logging, bool changes)
    {
        File.WriteAllText(Path.Combine(directory, "tokenizer.json"), "{}");
        var recipe = Recipe
            .Replace("tokenizer: { vocab_size: 300 }", "tokenizer: { path: tokenizer.json }", StringComparison.Ordinal)
            .Replace("log_every: 5", logging, StringComparison.Ordinal);
        var before = Keys(recipe);
        File.WriteAllText(Path.Combine(directory, "law.txt"), "other text");

        (Keys(recipe)["train code"] != before["train code"]).ShouldBe(changes);
    }

    [Theory]
    [InlineData(1, "", true)]
    [InlineData(1, ", bos: window", true)]
    [InlineData(1, ", bos: none", false)]
    [InlineData(0, "", false)]
    [InlineData(0, ", bos: none", false)]
    public void Begin_tokens_change_the_keys_of_data_and_their_absence_none(int templateTokens, string bos, bool changes)
    {
        var recipe = Recipe
            .Replace("tokenizer: { vocab_size: 300 }", "tokenizer: { path: tokenizer.json }", StringComparison.Ordinal);
        var file = Path.Combine(directory, "tokenizer.json");
        // A tokenizer of which nothing is known has none.
        File.WriteAllText(file, "{}");
        var before = SettingsOfData(recipe);
        File.WriteAllText(file, TinyTokenizer.JsonWithTemplate(templateTokens).ToJsonString());

        var after = SettingsOfData(recipe
            .Replace("held_out_fraction: 0.1", $"held_out_fraction: 0.1{bos}", StringComparison.Ordinal));

        (before.ToJsonString() != after.ToJsonString()).ShouldBe(changes);
        after.ContainsKey("bos").ShouldBe(changes);

        JsonObject SettingsOfData(string yaml) => Graph(yaml).Order.First(phase => phase.Title == "data law").Inputs.Settings;
    }

    [Fact]
    public void A_tokenizer_that_the_recipe_trains_has_no_begin_token() =>
        Should.Throw<InvalidInputException>(
            () => Graph(Recipe.Replace("held_out_fraction: 0.1", "bos: document", StringComparison.Ordinal)))
            .Message.ShouldStartWith("key 'data.bos': expected none with a tokenizer that the recipe trains");

    [Fact]
    public void A_named_device_is_part_of_what_is_timed_and_of_nothing_else()
    {
        const string Latency = "\nlatency: { models: [btx] }";
        var before = Keys(Recipe + Latency);

        var after = Keys(Recipe.Replace("log_every: 5", "log_every: 5, device: cpu", StringComparison.Ordinal) + Latency);

        after.Where(phase => before[phase.Key] != phase.Value).Select(phase => phase.Key)
            .ShouldBe(["budget bam-time", "train bam-time", "evaluate bam-time", "latency"], ignoreOrder: true);
    }

    [Fact]
    public void A_compressed_file_counts_by_the_length_of_its_text()
    {
        var lines = string.Concat(Enumerable.Range(0, 3000)
            .Select(i => $"{{\"text\": \"line {i} says {i * i} about {i % 7} laws\"}}\n"));
        var (plain, compressed) = (Path.Combine(directory, "law.jsonl"), Path.Combine(directory, "law.jsonl.gz"));
        File.WriteAllText(plain, lines);
        using (var gzip = new GZipStream(File.Create(compressed), CompressionLevel.Optimal)) gzip.Write(File.ReadAllBytes(plain));

        InputFiles.TextLength(compressed, new("text"), default).ShouldBe(new FileInfo(plain).Length);
        Tokenizer("law.jsonl.gz").ShouldBe(Tokenizer("law.jsonl"));

        string Tokenizer(string law)
        {
            var recipe = Recipe.Replace("law.txt", law, StringComparison.Ordinal)
                .Replace("vocab_size: 300", "vocab_size: 300, megabytes_per_domain: 0.05", StringComparison.Ordinal);
            var phase = Graph(recipe).Order.OfType<TokenizerPhase>().Single();
            phase.Inputs.Version.ShouldBe(law == "law.jsonl" ? 1 : 2);
            var store = new PhaseStore(Path.Combine(directory, law == "law.jsonl" ? "plain" : "compressed"));
            PhaseRunner.Run([phase], store, SilentReporter.Instance, default).ShouldBe(1);
            return File.ReadAllText(phase.FileIn(store));
        }
    }

    [Fact]
    public void A_training_that_was_interrupted_took_at_least_the_time_inside_its_steps()
    {
        var store = new PhaseStore(Path.Combine(directory, "run"));
        var seed = Graph(Recipe).Order.Single(phase => phase.Title == "train seed");
        var result = new JsonObject { ["tokens"] = 1000, ["core_seconds"] = 80.0, ["tokens_per_second"] = 25.0, ["flops"] = 1e6 };

        foreach (var (lastAttempt, expected) in new[] { (12.5, 40.0), (50.0, 50.0) })
        {
            store.Begin(seed);
            store.Finish(seed, lastAttempt, result);
            seed.SecondsIn(store).ShouldBe(expected);
        }
    }

    [Theory]
    [InlineData(
        "seed: { checkpoint: missing }", "recipe.yaml:7: key 'seed.checkpoint': ",
        "missing/config.json: does not exist; a checkpoint is a directory")]
    [InlineData(
        "seed: { checkpoint: no-tokenizer }\ntraining: { sequence_length: 16 }",
        "recipe.yaml:7: key 'seed.checkpoint': expected a tokenizer.json", "or name one by 'tokenizer.path'")]
    [InlineData(
        "tokenizer: { path: tokenizer.jsn }\nseed: { checkpoint: no-tokenizer }\ntraining: { sequence_length: 16 }",
        "recipe.yaml:7: key 'tokenizer.path': expected a tokenizer.json", "tokenizer.jsn; check the path")]
    [InlineData(
        "tokenizer: { path: tokenizer.json }\nseed: { checkpoint: damaged }", "recipe.yaml:8: key 'seed.checkpoint': ",
        "damaged/config.json")]
    [InlineData(
        "tokenizer: { path: tokenizer.json }\nseed: { checkpoint: no-tokenizer }\ntraining: { sequence_length: 64 }",
        "recipe.yaml:8: key 'seed.checkpoint': max_position_embeddings: expected at least 64", "found 32")]
    [InlineData(
        "tokenizer: { path: tokenizer.json }\nseed: { checkpoint: no-tokenizer }\ntraining: { sequence_length: 16 }\n"
        + "evaluation: { sequence_length: 33 }",
        "max_position_embeddings: expected at least 33", "'evaluation.sequence_length'")]
    [InlineData(
        "tokenizer: { path: tokenizer.json }\nseed: { checkpoint: no-tokenizer }\ntraining: { sequence_length: 32 }",
        "recipe.yaml:4: key 'experts.code.checkpoint': ", "code/config.json: does not exist")]
    public void Models_and_tokenizers_that_are_given_are_looked_at_before_any_work(string given, string place, string mentioned)
    {
        var small = ModelPresets.All["small"] with { MaxPositionEmbeddings = 32 };
        foreach (var (name, config) in new[] { ("no-tokenizer", small.ToJson()), ("damaged", "{") })
        {
            Directory.CreateDirectory(Path.Combine(directory, name));
            File.WriteAllText(Path.Combine(directory, name, "config.json"), config);
        }

        File.WriteAllText(Path.Combine(directory, "tokenizer.json"), "{}");

        var message = Should.Throw<InvalidInputException>(() => Graph($$"""
            domains:
              law: { files: [law.txt] }
            experts:
              code: { checkpoint: code }
            mixtures:
              bam: { method: bam, steps: 2, learning_rate: 1 }
            {{given}}
            """)).Message;

        message.ShouldContain(place);
        message.ShouldContain(mentioned);
        message.ShouldNotContain("\n");
    }

    [Fact]
    public void A_tokenizer_that_is_given_confines_changed_text_to_its_domain()
    {
        File.WriteAllText(Path.Combine(directory, "tokenizer.json"), "{}");
        var recipe = Recipe
            .Replace("tokenizer: { vocab_size: 300 }", "tokenizer: { path: tokenizer.json }", StringComparison.Ordinal);
        var before = Keys(recipe);
        File.WriteAllText(Path.Combine(directory, "law.txt"), "other text");

        var after = Keys(recipe);

        foreach (var kept in new[] { "tokenizer", "data general", "data code", "train seed", "train code" })
            after[kept].ShouldBe(before[kept]);
        foreach (var changed in new[] { "data law", "train law", "mix bam", "evaluate seed" })
            after[changed].ShouldNotBe(before[changed]);
    }

    [Fact]
    public void All_text_is_read_before_anything_is_trained()
    {
        var order = Graph(Recipe).Order.Select(phase => phase.Kind).ToList();

        order.LastIndexOf("data").ShouldBeLessThan(order.IndexOf("train"));
    }

    [Fact]
    public void Models_stand_in_the_order_of_the_recipe() =>
        Graph(Recipe).Models.Select(model => (model.Name, model.Kind, model.Domain, IsMatched: model.Budget is not null))
            .ShouldBe(
        [
            ("seed", ModelKind.Seed, null, false),
            ("law", ModelKind.Expert, "law", false),
            ("code", ModelKind.Expert, "code", false),
            ("soup", ModelKind.Soup, null, false),
            ("btx", ModelKind.Btx, null, false),
            ("bam", ModelKind.Bam, null, false),
            ("bam-time", ModelKind.Bam, null, true),
            ("bam-flops", ModelKind.Bam, null, true),
        ]);

    [Theory]
    [InlineData("files: [law.txt]", "files: [lax.txt]", "lax.txt")]
    [InlineData("hidden_size: 8", "hidden_size: 8, hiden_size: 8", "hiden_size")]
    [InlineData("num_attention_heads: 2", "num_attention_heads: 2, max_position_embeddings: 8", "max_position_embeddings")]
    [InlineData("num_attention_heads: 2", "num_attention_heads: 2, num_local_experts: 2", "dense")]
    public void What_the_recipe_names_is_checked_before_any_work(string line, string changed, string mentioned) =>
        Should.Throw<InvalidInputException>(() => Graph(Recipe.Replace(line, changed, StringComparison.Ordinal)))
            .Message.ShouldContain(mentioned);

    // Finished runs are kept under these; that of core-seconds changed with the turns of decision 0061. They had random routers.
    [Theory]
    [InlineData("evaluate bam-time", "57023b494add9781b46615a1702343231c9fb52087d80bd3af52e55d073c6cfc")]
    [InlineData("evaluate bam-flops", "1bab216435538fde9fca745fd39fe346363b3ea8b822c3208fc6dac0f8e02f1a")]
    public void Keys_of_recipes_without_probes_stay_as_they_are(string phase, string key) =>
        Keys(Recipe + "\nrouters: random")[phase].ShouldBe(key);

    private Dictionary<string, string> Keys(string recipe) => Keys(directory, recipe);

    private ExperimentGraph Graph(string yaml) => Graph(directory, yaml);

    /// <summary>The phases' keys by their titles.</summary>
    internal static Dictionary<string, string> Keys(string directory, string recipe) =>
        Graph(directory, recipe).Order.ToDictionary(phase => phase.Title, phase => phase.Key);

    /// <summary>The graph of a recipe in a folder with its texts.</summary>
    internal static ExperimentGraph Graph(string directory, string yaml)
    {
        var path = Path.Combine(directory, "recipe.yaml");
        File.WriteAllText(path, yaml);
        return new ExperimentGraph(RecipeReader.Read(path), new FileHashes(Path.Combine(directory, "inputs.json")));
    }
}
