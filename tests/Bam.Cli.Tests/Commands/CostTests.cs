using System.Text.Json;
using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed partial class CostTests
{
    [Fact]
    public void A_preset_shows_the_papers_family_and_its_figures()
    {
        var run = CommandLineRun.Of("cost", "bam-small");
        run.Status.ShouldBe(0);
        run.Error.ShouldBeEmpty();
        run.Output.ShouldMatch(@"dense seed +BTX +BTX 6 top-3 +BAM +BAM shared KV");
        run.Output.ShouldMatch(@"total +587\.210 +700\.481 +775\.990 +776\.003 +738\.254");
        run.Output.ShouldMatch(@"attention, no router +8\.913 +8\.913 +8\.913 +35\.652 +23\.069");
        run.Output.ShouldMatch(@"float32 +49,152 +49,152 +49,152 +196,608 +49,152");
        run.Output.ShouldMatch(@"BAM +48,250,880 +48,257,024 +\+6,144 \(5\)");
        run.Output.ShouldMatch(@"BAM shared KV +625,007,616 +612,400,128 +−12,607,488 \(4\)");
        run.Output.ShouldMatch(@"BTX +8,912,896 +8,912,896 +equal");
        CommandLineRun.Of("cost", "small").Output.ShouldBe(run.Output);
    }

    [Fact]
    public void One_model_is_counted_to_the_last_parameter()
    {
        var run = CommandLineRun.Of("cost", Fixture("bam-attention-top2"), "--tokens", "1.5M");
        run.Status.ShouldBe(0);
        run.Output.ShouldMatch(@"queries +8,192\s+of which active +4,096");
        run.Output.ShouldMatch(@"active +31,328");
        run.Output.ShouldContain("(n_ctx = 128)", customMessage: "the longest input is shorter than the paper's");
        run.Output.ShouldContain("training on 1.50 M");
        run.Output.ShouldNotContain("Comparison with the paper");
        CommandLineRun.Of(
            "cost", Path.Combine(Fixture("bam-attention-top2"), "config.json"), "--tokens", "1.5M").Output.ShouldBe(run.Output);
    }

    [Fact]
    public void A_dense_model_can_be_mixed_on_paper()
    {
        using var json = Json("cost", "bam-small", "--method", "btx", "--experts", "6", "--top-k", "3");
        var mixture = json.RootElement.GetProperty("models")[1];
        mixture.GetProperty("name").GetString().ShouldBe("BTX 6 top-3");
        mixture.GetProperty("active_parameters").GetInt64().ShouldBe(662_744_064);
        mixture.GetProperty("config").GetProperty("num_local_experts").GetInt32().ShouldBe(6);
        mixture.GetProperty("paper").GetArrayLength().ShouldBe(3, "it is one of the paper's");
        mixture.GetProperty("inference_flops_per_layer").GetProperty("total").GetInt64().ShouldBe(46_673_920);

        using var other = Json("cost", Fixture("dense-parallel"), "--method", "bam", "--models", "3", "--share-key-value");
        other.RootElement.GetProperty("models")[1].GetProperty("config").GetProperty("num_attention_experts").GetInt32()
            .ShouldBe(3);
    }

    [Fact]
    public void Sparse_upcycling_needs_no_copies()
    {
        using var json = Json("cost", "bam-small", "--method", "sparse", "--plan", "--peak", "400T", "--tokens", "100B");
        json.RootElement.GetProperty("phases").EnumerateArray().ShouldAllBe(phase => phase.GetProperty("phase").GetInt32() != 2);
        CommandLineRun.Of("cost", "bam-small", "--method", "soup").Error.ShouldBe(
            "bam: --method: expected bam, btx or sparse, found soup; leave it out: a soup costs the same as its seed\n");
    }

    [Fact]
    public void A_plan_says_how_long_and_whether_it_fits()
    {
        var run = CommandLineRun.Of(
            "cost", "bam-small", "--plan", "--peak", "400T", "--devices", "8", "--memory", "14G", "--tokens", "100B");
        run.Status.ShouldBe(0);
        run.Output.ShouldMatch(@"1 seed +400 B +7\.84e20 +7\.1 days +\S+ GB +yes");
        run.Output.ShouldMatch(@"2 copies of the seed +3 × 100 B");
        run.Output.ShouldMatch(@"3 BAM +100 B +2\.44e20 +2\.2 days +\S+ GB +only [0-9]+ × 256");
        run.Output.ShouldContain("8 devices of 400 TFLOP/s, of which training reaches 0.4");

        using var json = Json("cost", Fixture("bam-expert-kv"), "--plan", "--peak", "1T", "--tokens", "1e9");
        json.RootElement.GetProperty("phases").GetArrayLength().ShouldBe(1, "the seed and its copies are there already");
        json.RootElement.GetProperty("phases")[0].GetProperty("fits").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public void Activation_checkpointing_takes_memory_away()
    {
        var run = CommandLineRun.Of("cost", "bam-large", "--activation-checkpointing", "--dtype", "bfloat16");
        run.Output.ShouldContain("8 × 256 tokens in bfloat16, with activation checkpointing");
        Activations("--activation-checkpointing").ShouldBeLessThan(Activations() / 5);

        static long Activations(params string[] more)
        {
            using var json = Json(["cost", "bam-large", .. more]);
            return json.RootElement.GetProperty("models")[3].GetProperty("training_memory").GetProperty("activations").GetInt64();
        }
    }

    [Fact]
    public void Layouts_are_planned_where_there_is_a_bandwidth()
    {
        string[] plan =
        [
            "cost", "bam-small", "--plan", "--peak", "989T", "--devices", "64", "--bandwidth", "50e9", "--latency", "5e-6",
            "--sequence-length", "2048", "--batch-size", "4", "--dtype", "bfloat16", "--memory", "80G",
        ];
        var run = CommandLineRun.Of(plan);
        run.Error.ShouldBeEmpty();
        run.Output.ShouldContain("A step of 512 × 2,048 tokens in each layout, data × experts");
        run.Output.ShouldMatch(@"dense seed\s+64 × 1 \* +2 × 4");
        run.Output.ShouldMatch(@"BAM\s+64 × 1 \* +2 × 4 .+\s+32 × 2 +4 × 4 .+\s+16 × 4 +8 × 4");
        run.Output.ShouldNotContain("The three phases");

        var phases = CommandLineRun.Of([.. plan, "--tokens", "100B"]).Output;
        phases.ShouldMatch(@"3 BAM +100 B +2\.71e20 +\S+ h +\S+ GB +64 × 1 +yes");

        using var json = Json([.. plan, "--layout", "data=16,experts=4", "--layout", "data=64", "--shard-optimizer"]);
        json.RootElement.GetProperty("phases").ValueKind.ShouldBe(JsonValueKind.Null);
        var models = json.RootElement.GetProperty("layouts");
        models[0].GetProperty("layouts")[0].GetProperty("refusal").GetString().ShouldBe("a dense model has no experts to share");
        var bam = models[3].GetProperty("layouts");
        bam[0].GetProperty("layout").GetProperty("experts").GetInt32().ShouldBe(4);
        bam[0].GetProperty("traffic").GetProperty("expert_sums").GetInt64().ShouldBe(8 * (2 * 6 + 1));
        bam[0].GetProperty("memory").GetProperty("moments").GetInt64().ShouldBe(
            2 * bam[0].GetProperty("memory").GetProperty("parameters").GetInt64() / 16);
        bam[1].GetProperty("is_best").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public void Layouts_can_be_planned_of_one_dense_model()
    {
        var run = CommandLineRun.Of(
            "cost", Fixture("dense-parallel"), "--plan", "--peak", "1T", "--devices", "2", "--bandwidth", "1G");
        run.Error.ShouldBeEmpty();
        run.Output.ShouldContain("A step of 16 ×");
        run.Output.ShouldMatch(@"dense-parallel\s+2 × 1 \*");
    }

    [Fact]
    public void The_layouts_in_the_documentation_are_what_the_commands_print()
    {
        const string options = "--peak 989T --bandwidth 50G --memory-bandwidth 3.35T --memory 80G --dtype bfloat16 "
            + "--sequence-length 2048 --shard-optimizer";
        var text = File.ReadAllText(RepositoryRoot.PathOf("docs", "cost.md"));
        text.Replace('\n', ' ').ShouldContain($"`bam cost MODEL --method bam --plan --devices N {options}`");
        var tables = LayoutTable().Matches(text);
        tables.Count.ShouldBe(6);
        foreach (Match table in tables)
        {
            var (model, devices) = (table.Groups["model"].Value, table.Groups["devices"].Value);
            string[] checkpointing = model == "bam-large" ? ["--activation-checkpointing"] : [];
            var run = CommandLineRun.Of(
                ["cost", model, "--method", "bam", "--plan", "--devices", devices, .. options.Split(' '), .. checkpointing]);
            run.Error.ShouldBeEmpty();
            string[] printed = [.. run.Output.Split('\n').Select(line => line.TrimEnd())];
            string[] lines = table.Groups["lines"].Value.TrimEnd().Split('\n');
            lines.Length.ShouldBeGreaterThan(6);
            foreach (var line in lines) printed.ShouldContain(line);
        }
    }

    [Fact]
    public void A_mixtures_seed_has_a_layout_too()
    {
        using var json = Json(
            "cost", Fixture("bam-expert-kv"), "--plan", "--peak", "1T", "--devices", "2", "--bandwidth", "1G", "--tokens", "1e9",
            "--seed-tokens", "1e9");
        json.RootElement.GetProperty("phases").EnumerateArray().Select(
            phase => phase.GetProperty("layout").GetProperty("data").GetInt32()).ShouldBe([2, 2]);
        json.RootElement.GetProperty("global_batch_size").GetInt32().ShouldBe(16);
    }

    [Theory]
    [InlineData(
        "bam-smal: does not exist, and no preset has this name, did you mean 'bam-small'; expected a checkpoint directory, a "
            + "config.json or a preset",
        "bam-smal")]
    [InlineData("--tokens: expected a number such as 400B, 1.5T or 4e11, found many; correct it", "small", "--tokens", "many")]
    [InlineData(
        "--sequence-length: expected 1 to 8192 (max_position_embeddings), found 9000; choose another", "small",
        "--sequence-length", "9000")]
    [InlineData("--dtype: expected float32 or bfloat16, found int8; choose one of these", "small", "--dtype", "int8")]
    [InlineData("--batch-size: expected a number above 0, found 0; correct it", "small", "--batch-size", "0")]
    [InlineData("--top-k has no meaning without --method; add that or leave it out", "small", "--top-k", "2")]
    [InlineData("--memory has no meaning without --plan; add that or leave it out", "small", "--memory", "80G")]
    [InlineData(
        "--peak: expected the peak matrix throughput of one device in FLOP/s, found none; "
        + "add it, for example --peak 989T; 'bam doctor' measures this machine's",
        "small", "--plan", "--tokens", "1B")]
    [InlineData(
        "--tokens: expected the mixture's training tokens, found none; add them, for example --tokens 10B; the paper does not "
            + "state its own",
        "small", "--plan", "--peak", "1T")]
    [InlineData(
        "--fraction: expected a number above 0 and at most 1, found 1.5; correct it", "small", "--plan", "--peak", "1T",
        "--tokens", "1B", "--fraction", "1.5")]
    [InlineData(
        "--layout has no meaning without --bandwidth; add that or leave it out", "small", "--plan", "--layout", "data=2")]
    [InlineData("--bandwidth has no meaning without --plan; add that or leave it out", "small", "--bandwidth", "1G")]
    [InlineData(
        "--layout: expected ranks such as data=16,experts=4, found 'tensor=2'; correct it", "small", "--plan", "--peak", "1T",
        "--bandwidth", "1G", "--layout", "tensor=2")]
    [InlineData(
        "--layout: expected 8 ranks, as --devices says, found data=4,experts=1, 4 ranks; correct one of them", "small", "--plan",
        "--peak", "1T", "--bandwidth", "1G", "--devices", "8", "--layout", "data=4")]
    [InlineData(
        "--layout: expected a layout that divides the sequences and the experts, found data=3,experts=1: 4096 sequences cannot "
            + "be divided by data=3; choose another, or leave it out for every possible one",
        "small", "--plan", "--peak", "1T", "--bandwidth", "1G", "--devices", "3", "--layout", "data=3")]
    [InlineData(
        "--overlap: expected a number from 0 to 1, found 2; correct it", "small", "--plan", "--peak", "1T", "--bandwidth", "1G",
        "--overlap", "2")]
    [InlineData(
        "--bandwidth: expected a number above 0, found 0; correct it", "small", "--plan", "--peak", "1T", "--bandwidth", "0")]
    [InlineData(
        "attention-top-k: expected 1 to 4, the number of models, found 9; choose another or leave it out for soft routing",
        "small", "--method", "bam", "--attention-top-k", "9")]
    [InlineData(
        "--peak, --bandwidth, --memory-bandwidth and --latency: expected numbers for which a step takes a finite time, found "
            + "others; correct their units",
        "small", "--plan", "--peak", "1T", "--bandwidth", "1e-300", "--devices", "8")]
    [InlineData(
        "--peak and the numbers of tokens: expected numbers for which training takes a finite time, found others; correct "
            + "their units",
        "small", "--plan", "--peak", "1e-300", "--tokens", "1B")]
    public void A_wrong_request_costs_one_line(string message, params string[] arguments)
    {
        var run = CommandLineRun.Of(["cost", .. arguments]);
        run.Status.ShouldBe(2);
        run.Error.ShouldBe($"bam: {message}\n");
        run.Output.ShouldBeEmpty();
    }

    [Fact]
    public void A_step_has_no_more_sequences_than_an_integer_holds()
    {
        var run = CommandLineRun.Of(
            "cost", Fixture("bam-expert-kv"), "--plan", "--peak", "1T", "--bandwidth", "1G", "--devices", "2147483647");
        run.Status.ShouldBe(2);
        run.Error.ShouldBe(
            "bam: --global-batch-size: expected at most 2147483647 sequences, by default --batch-size × --devices, found "
            + "17179869176; give fewer devices or sequences\n");
    }

    [Fact]
    public void What_is_no_dense_model_cannot_be_mixed_or_planned_without_a_mixture()
    {
        CommandLineRun.Of(
            "cost", Fixture("btx-top1"), "--method", "bam").Error.ShouldContain("--method: expected a dense model to mix");
        CommandLineRun.Of(
            "cost", Fixture("dense-parallel"), "--plan", "--peak", "1T", "--tokens",
            "1B").Error.ShouldContain("add --method bam or btx");
    }

    private static JsonDocument Json(params string[] arguments) =>
        JsonDocument.Parse(CommandLineRun.Of([.. arguments, "--json"]).Output);

    private static string Fixture(string name) => RepositoryRoot.PathOf("tests", "fixtures", "bam", name);

    [GeneratedRegex(@"^(?<model>bam-\w+), (?<devices>\d+) devices\n(?<lines>((?!```).+\n)+)", RegexOptions.Multiline)]
    private static partial Regex LayoutTable();
}
