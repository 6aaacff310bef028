using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments;

public sealed class ResultsTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("bam-results-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void Results_survive_the_file()
    {
        var results = Sample();

        results.Save(directory);
        var loaded = Results.Load(directory);

        loaded.Recipe.ShouldBe("tiny");
        loaded.Created.ShouldBe(results.Created);
        loaded.Machine.ShouldBe(results.Machine);
        loaded.Domains.ShouldBe(["law", "code"]);
        loaded.ResolvedRecipe.ShouldBe(results.ResolvedRecipe);
        var model = loaded.Models.ShouldHaveSingleItem();
        model.Kind.ShouldBe(ModelKind.Btx);
        model.Perplexity["law"].ShouldBe(12.5);
        model.Tokens["law"].ShouldBe(1000);
        model.Metrics.ShouldBe("btx/metrics.jsonl");
        model.Domain.ShouldBeNull();
    }

    [Fact]
    public void The_file_has_the_documented_names()
    {
        Sample().Save(directory);

        var text = File.ReadAllText(Path.Combine(directory, "results.json"));

        foreach (var name in new[] { "recipe", "created", "machine", "domains", "models", "resolved_recipe", "bits_per_byte",
            "mean_perplexity", "parameters_total", "training_tokens", "core_seconds", "tokens_per_second" })
            text.ShouldContain($"\"{name}\":");
        text.ShouldContain("\"kind\": \"btx\"");
    }

    [Fact]
    public void Probes_survive_the_file_and_results_from_before_there_were_any_still_load()
    {
        var results = Sample();
        var probes = new Dictionary<string, ProbeResult> { ["verse"] = new(90.5, 2.25, 77) };
        var probed = results with { Probes = ["verse"], Models = [results.Models[0] with { Probes = probes }] };

        probed.Save(directory);
        Results.Load(directory).Models[0].Probes!["verse"].ShouldBe(new ProbeResult(90.5, 2.25, 77));
        var path = Path.Combine(directory, "results.json");
        var json = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(path))!;
        json.AsObject().Remove("probes");
        json["models"]![0]!.AsObject().Remove("probes");
        File.WriteAllText(path, json.ToJsonString());

        var loaded = Results.Load(directory);

        loaded.Probes.ShouldBeEmpty();
        loaded.Models[0].Probes.ShouldBeNull();
    }

    [Fact]
    public void Tasks_survive_the_file_and_results_from_before_there_were_any_still_load()
    {
        var results = Sample();
        var score = new TaskScore
        {
            FewShot = 5,
            Items = 100,
            Chance = 0.5,
            Metrics = new Dictionary<string, MetricScore>
            {
                ["acc"] = new(0.75, 0.0435) { Difference = new(-0.02, 0.01, 0.25) },
                ["acc_norm"] = new(0.5, null),
            },
            Against = "btx",
        };
        var tasks = new Dictionary<string, TaskScore> { ["piqa"] = score };
        (results with { Tasks = ["piqa"], Models = [results.Models[0] with { Tasks = tasks }] }).Save(directory);

        var loaded = Results.Load(directory);

        loaded.Tasks.ShouldBe(["piqa"]);
        var read = loaded.Models[0].Tasks!["piqa"];
        (read.FewShot, read.Items, read.Chance, read.Against, read.Subsets).ShouldBe((5, 100, 0.5, "btx", null));
        read.Metrics.ShouldBe(score.Metrics);
        var path = Path.Combine(directory, "results.json");
        var json = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(path))!;
        json.AsObject().Remove("tasks");
        json["models"]![0]!.AsObject().Remove("tasks");
        File.WriteAllText(path, json.ToJsonString());
        Results.Load(directory).Tasks.ShouldBeEmpty();
        Results.Load(directory).Models[0].Tasks.ShouldBeNull();
    }

    [Fact]
    public void Results_with_the_claims_of_older_versions_still_load()
    {
        Sample().Save(directory);
        var path = Path.Combine(directory, "results.json");
        var text = File.ReadAllText(path);
        const string claims = """ "claims": [{ "text": "t", "held": true, "detail": "d" }], """;
        File.WriteAllText(path, text.Replace("\"recipe\":", claims + "\"recipe\":", StringComparison.Ordinal));

        Results.Load(directory).Recipe.ShouldBe("tiny");
    }

    [Fact]
    public void A_missing_file_is_named() =>
        Should.Throw<InvalidInputException>(() => Results.Load(directory)).Message
            .ShouldContain(Path.Combine(directory, "results.json"));

    [Theory]
    [InlineData("{", "results.json")]
    [InlineData("{\"recipe\": \"x\"}", "key 'created' is missing")]
    [InlineData("null", "expected a JSON object, found null")]
    public void A_damaged_file_costs_one_line(string text, string mentioned)
    {
        File.WriteAllText(Path.Combine(directory, "results.json"), text);

        var message = Should.Throw<InvalidInputException>(() => Results.Load(directory)).Message;

        message.ShouldContain(mentioned);
        message.ShouldNotContain("\n");
    }

    [Theory]
    [InlineData("\"probes\":", "\"probes\": [null], \"x\":", "key 'probes[0]': expected a value, found null")]
    [InlineData("\"domains\": [", "\"domains\": [\"code\",", "key 'domains': 'code' is there twice")]
    [InlineData("\"law\": 12.5", "\"law\": 1e999", "key 'models[0].perplexity.law': expected a finite number, found 1e999")]
    [InlineData("\"law\": 12.5", "\"law\": null", "key 'models[0].perplexity.law': expected a value, found null")]
    [InlineData("\"kind\": \"btx\"", "\"kind\": \"nosuch\"", "key 'models[0].kind': holds what Bam does not write there")]
    [InlineData("\"cores\": 2", "\"other\": 2", "key 'machine.cores' is missing")]
    [InlineData("\"recipe\": \"tiny\"", "\"recipe\": \"\\ud800\"", "results.json: line 2")]
    [InlineData(
        "\"recipe\": \"tiny\"", "\"recipe\": \"tiny\", \"recipe\": \"tiny\"",
        "key 'recipe': holds what Bam does not write there")]
    public void A_damaged_key_is_named(string written, string damaged, string message)
    {
        Sample().Save(directory);
        var path = Path.Combine(directory, "results.json");
        var text = File.ReadAllText(path);
        text.ShouldContain(written);
        File.WriteAllText(path, text.Replace(written, damaged, StringComparison.Ordinal));

        Should.Throw<InvalidInputException>(() => Results.Load(directory)).Message.ShouldContain(message);
    }

    private static Results Sample() => new()
    {
        Recipe = "tiny",
        Created = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Machine = new() { Cpu = "Xeon", Cores = 2, Memory = 24L << 30, Libtorch = "1.13", Blas = "OpenBLAS", Threads = 2 },
        Domains = ["law", "code"],
        Models =
        [
            new()
            {
                Name = "btx",
                Kind = ModelKind.Btx,
                Perplexity = new Dictionary<string, double> { ["law"] = 12.5 },
                BitsPerByte = new Dictionary<string, double> { ["law"] = 1.5 },
                Tokens = new Dictionary<string, long> { ["law"] = 1000 },
                MeanPerplexity = 12.5,
                ParametersTotal = 10,
                ParametersActive = 5,
                TrainingTokens = 100,
                CoreSeconds = 2,
                TokensPerSecond = 50,
                Flops = 1e9,
                Metrics = "btx/metrics.jsonl",
            },
        ],
        ResolvedRecipe = "name: tiny\n",
    };
}
