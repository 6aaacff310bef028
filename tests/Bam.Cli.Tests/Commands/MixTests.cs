using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class MixTests : IDisposable
{
    private static readonly string Dense = RepositoryRoot.PathOf("tests", "fixtures", "bam", "dense-parallel");

    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    private string Output => Path.Combine(root, "mixture");

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void A_mixture_is_written_described_and_inspected()
    {
        var run = Mix(
            "bam", "--expert", Dense, Dense, "--share-key-value", "--experts", "4", "--top-k", "2", "--dtype", "bfloat16");
        run.Status.ShouldBe(0);
        run.Output.ShouldBe($"{Output}: bam of 3 models, 56,864 parameters, 38,432 active, bfloat16, 113,728 bytes\n");
        using var inspected = JsonDocument.Parse(CommandLineRun.Of("inspect", Output, "--json").Output);
        inspected.RootElement.GetProperty("kind").GetString().ShouldBe("BAM, shared KV");
        inspected.RootElement.GetProperty("parameters").GetInt64().ShouldBe(56_864);
        inspected.RootElement.GetProperty("config").GetProperty("num_local_experts").GetInt32().ShouldBe(4);
        inspected.RootElement.GetProperty("config").GetProperty("num_attention_experts").GetInt32().ShouldBe(3);
    }

    [Fact]
    public void Shards_are_counted_and_weights_are_shown()
    {
        var run = Mix("btx", "--expert", Dense, "--shard-size", "60kB", "--weights", "3,1");
        run.Status.ShouldBe(0);
        run.Output.ShouldMatch("bytes in [2-9] shards\n$");
        run.Error.ShouldContain("the weights sum to 4 and are divided by it: 0.75, 0.25\n");
        CommandLineRun.Of("inspect", Output).Status.ShouldBe(0);
        Mix("btx", "--expert", Dense, "--weights", "0.75,0.25", "--dry-run")
            .Output.ShouldContain("mean of 2 models, weights 0.75, 0.25");
    }

    [Fact]
    public void A_dry_run_shows_every_tensor_and_writes_nothing()
    {
        var run = Mix("btx", "--expert", Dense, "--dry-run");
        run.Status.ShouldBe(0);
        run.Output.ShouldContain($"copy of {Dense}");
        run.Output.ShouldContain("mean of 2 models");
        run.Output.ShouldContain("random, N(0, σ = 0.02)");
        Directory.GetFileSystemEntries(root).ShouldBeEmpty();

        using var plan = JsonDocument.Parse(Mix("btx", "--expert", Dense, "--dry-run", "--json").Output);
        var tensor = plan.RootElement.GetProperty("tensors").EnumerateArray()
            .Single(t => t.GetProperty("name").GetString() == "model.layers.1.mlp.experts.1.up_proj.weight");
        tensor.GetProperty("from").GetString().ShouldBe("copy");
        tensor.GetProperty("model").GetInt32().ShouldBe(1);
    }

    [Fact]
    public void An_output_that_cannot_be_written_is_told_before_the_models_are_read()
    {
        File.WriteAllText(Output, "");
        Mix("soup", "--expert", Dense, "--check-finite")
            .Error.ShouldBe($"bam: {Output}: expected a directory to write, found a file; choose another name\n");
    }

    [Fact]
    public void A_plan_of_a_mixture_counts_the_copies_that_it_was_made_of()
    {
        Mix("btx", "--expert", Dense, "--experts", "4").Status.ShouldBe(0);
        using var plan = JsonDocument.Parse(
            CommandLineRun.Of("cost", Output, "--plan", "--peak", "1T", "--tokens", "1M", "--expert-tokens", "1M", "--json")
                .Output);
        plan.RootElement.GetProperty("phases")[0].GetProperty("models").GetInt32().ShouldBe(1);
    }

    [Fact]
    public void A_router_seed_without_random_numbers_is_told()
    {
        Mix("soup", "--expert", Dense, "--router-seed", "5")
            .Error.ShouldContain("warning: --router-seed: has no effect, because nothing in this mixture is random\n");
        Mix("btx", "--expert", Dense, "--router-seed", "5").Error.ShouldNotContain("--router-seed");
    }

    [Fact]
    public void An_older_mixture_is_replaced_and_anything_else_is_not()
    {
        Mix("btx", "--expert", Dense).Status.ShouldBe(0);
        Mix("soup", "--expert", Dense).Status.ShouldBe(0);
        Directory.CreateDirectory(Path.Combine(Output, "run"));
        MustRefuse("run");
        Directory.Delete(Path.Combine(Output, "run"));
        File.Delete(Path.Combine(Output, "upcycling.json"));
        MustRefuse("config.json and model.safetensors");

        void MustRefuse(string found)
        {
            var run = Mix("btx", "--expert", Dense);
            run.Status.ShouldBe(2);
            run.Error.ShouldBe(
                $"bam: {Output}: expected a new or empty directory, or an older mixture, found one with {found}; choose "
                + "another\n");
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("hf")]
    public void A_mixture_with_all_that_may_lie_beside_a_model_is_replaced(string? format)
    {
        var seed = Directory.CreateDirectory(Path.Combine(root, "with companions")).FullName;
        foreach (var file in Directory.GetFiles(Dense)) File.Copy(file, Path.Combine(seed, Path.GetFileName(file)));
        foreach (var name in new[]
        {
            "generation_config.json", "vocab.json", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json",
        })
        {
            File.WriteAllText(Path.Combine(seed, name), "{}");
        }

        foreach (var name in new[] { "merges.txt", "tokenizer.model", "chat_template.jinja" })
            File.WriteAllText(Path.Combine(seed, name), "");
        string[] request =
        [
            "mix", "btx", "--seed", seed, "--expert", Dense, "--output", Output,
            .. format is null ? [] : new[] { "--format", format }
        ];
        for (var i = 0; i < 2; i++) CommandLineRun.Of(request).ShouldBeDone();
    }

    [Theory]
    [InlineData("experts: expected at least 2, one of each model, found 1; choose more", "btx", "--experts", "1")]
    [InlineData(
        "--dtype: expected float32, bfloat16, float16 or float64, found int8; choose one of these", "btx", "--dtype", "int8")]
    [InlineData("method: expected bam, btx, soup, sparse, found moe; choose one of these", "moe")]
    [InlineData(
        "--weights: expected numbers separated by commas, such as 0.4,0.2,0.2,0.2, found 0.5;0.5; correct it", "btx", "--weights",
        "0.5;0.5")]
    [InlineData(
        "weights: expected 2, one of each model with the seed's first, found 3; give as many as there are models", "btx",
        "--weights", "1,2,3")]
    [InlineData(
        "--shard-size: expected a size of at least one byte, such as 5GB, 500MB or 2GiB, found 5 bananas; correct it", "btx",
        "--shard-size", "5 bananas")]
    public void A_wrong_request_costs_one_line_and_status_2(string line, params string[] arguments)
    {
        var run = Mix([.. arguments, "--expert", Dense]);
        run.Status.ShouldBe(2);
        run.Error.ShouldBe($"bam: {line}\n");
        Directory.Exists(Output).ShouldBeFalse();
    }

    [Fact]
    public void Routers_are_calibrated_on_a_text_for_each_model()
    {
        var seed = WithTokenizer("seed", Dense);
        var texts = new[] { "aaaa bb", "xyz zy", "12 34" }.Select((text, i) => Text($"{i}.txt", text)).ToArray();
        string[] request = ["mix", "bam", "--seed", seed, "--expert", Dense, Dense, "--router-tokens", "6", "--output", Output];
        CommandLineRun.Of([.. request, "--router-text", .. texts, "--dry-run"]).Output.ShouldContain("calibrated on ");
        Directory.Exists(Output).ShouldBeFalse();

        var run = CommandLineRun.Of([.. request, "--router-text", .. texts, "--device", "cpu"]);
        run.Status.ShouldBe(0, run.Error);
        run.Error.ShouldContain($"{texts[2]}: has only 5 of the 6 tokens that calibrate its router row");
        File.ReadAllText(Path.Combine(Output, "upcycling.json")).ShouldContain("\"router_texts\"");

        CommandLineRun.Of([.. request, "--router-text", .. texts[1..]]).Error.ShouldBe(
            "bam: router-text: expected 3, one of each model with the seed's first, found 2; give as many as there are models\n");
        CommandLineRun.Of(request).Error.ShouldBe(
            "bam: --router-tokens: expected a --router-text of each model beside it, found none; add them or leave it out\n");
    }

    [Fact]
    public void Bad_lines_of_router_texts_are_refused_or_passed_over()
    {
        var seed = WithTokenizer("seed", Dense);
        var lines = Text("0.jsonl", "{\"text\": \"aaaa\"}\n{\"text\"\n{\"text\": \"bbbb\"}\n");
        string[] request =
        [
            "mix", "bam", "--seed", seed, "--expert", Dense, "--output", Output, "--device", "cpu", "--router-tokens", "8",
            "--router-text", lines, Text("1.txt", "1234 5678"),
        ];
        var run = CommandLineRun.Of(request);
        run.Status.ShouldBe(2);
        run.Error.ShouldContain($"{lines}:2: expected a JSON object, found damage at byte 7 of the line; ");

        run = CommandLineRun.Of([.. request, "--skip-bad-lines", "1"]);
        run.Status.ShouldBe(0, run.Error);
        run.Error.ShouldContain($"warning: 1 bad line passed over: {lines}:2: ");
    }

    public static TheoryData<string> Families =>
    [
        .. Directory.GetDirectories(RepositoryRoot.PathOf("tests", "fixtures", "hf")).Select(path => Path.GetFileName(path))
            .Where(name => !name.StartsWith("mixtral", StringComparison.Ordinal)).Order(),
    ];

    [Theory, MemberData(nameof(Families))]
    public void Models_of_every_family_calibrate_routers(string family)
    {
        var seed = WithTokenizer("seed", RepositoryRoot.PathOf("tests", "fixtures", "hf", family));
        var run = CommandLineRun.Of(
            "mix", "bam", "--seed", seed, "--expert", seed, "--output", Output, "--device", "cpu", "--router-tokens", "8",
            "--router-text", Text("0.txt", "aaaa bbbb"), Text("1.txt", "1234 5678"));
        run.Status.ShouldBe(0, run.Error);
        CommandLineRun.Of("inspect", Output).Output.ShouldContain("BAM");
    }

    [Fact]
    public void Added_tokens_need_the_option()
    {
        var larger = WithTokenizer("larger", Dense, ", \"added_tokens\": [{\"id\": 95, \"content\": \"<a>\"}]");
        var seed = WithTokenizer("seed", Dense);
        string[] request = ["mix", "soup", "--seed", seed, "--expert", larger, "--output", Output];
        var refused = CommandLineRun.Of(request);
        refused.Status.ShouldBe(2);
        refused.Error.ShouldEndWith(
            "1 token added to the seed's; --resize-embeddings gives the mixture the largest vocabulary\n");
        CommandLineRun.Of([.. request, "--resize-embeddings", "--dry-run"])
            .Output.ShouldContain("rows 0 to 94 of 2, 95 to 95 of 1");
        CommandLineRun.Of([.. request, "--resize-embeddings"]).Status.ShouldBe(0);
    }

    [Fact]
    public void Without_an_output_nothing_begins() =>
        CommandLineRun.Of("mix", "btx", "--seed", Dense, "--expert", Dense)
            .Error.ShouldBe(
                "bam: --output: expected the directory to write, found none; add it, or --dry-run to write nothing\n");

    [Fact]
    public void Interrupted_it_leaves_nothing_and_the_status_is_130()
    {
        var run = CommandLineRun.Of(
            new CancellationToken(canceled: true), "mix", "btx", "--seed", Dense, "--expert", Dense, "--output", Output);
        run.Status.ShouldBe(130);
        Directory.GetFileSystemEntries(root).ShouldBeEmpty();
    }

    private string Text(string name, string text)
    {
        var path = Path.Combine(root, name);
        File.WriteAllText(path, text);
        return path;
    }

    // A golden model, with a tokenizer of the 95 printable letters.
    private string WithTokenizer(string name, string model, string added = "")
    {
        var directory = Directory.CreateDirectory(Path.Combine(root, name)).FullName;
        foreach (var file in new[] { "config.json", "model.safetensors" })
            File.Copy(Path.Combine(model, file), Path.Combine(directory, file));
        var letters = Enumerable.Range(0, 95)
            .Select(i => $"{JsonSerializer.Serialize(i == 0 ? "Ġ" : ((char)(' ' + i)).ToString())}: {i}");
        File.WriteAllText(Path.Combine(directory, "tokenizer.json"), $$$"""
            {"model": {"type": "BPE", "unk_token": "a", "vocab": {{{{string.Join(", ", letters)}}}}, "merges": []},
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"}{{{added}}}}
            """);
        return directory;
    }

    private CommandLineRun Mix(params string[] arguments) =>
        CommandLineRun.Of(["mix", .. arguments, "--seed", Dense, "--output", Output]);
}
