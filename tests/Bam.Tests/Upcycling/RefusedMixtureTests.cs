using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Tests.Checkpoints;
using Bam.Tests.Checkpoints.Adapters;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Upcycling;

public sealed class RefusedMixtureTests : IDisposable
{
    private const string Tokenizer = """
        {"version":"1.0","truncation":null,"padding":null,"added_tokens":[{"id":0,"content":"<|endoftext|>"}],
        "model":{"type":"BPE","vocab":{"a":1,"b":2},"merges":[["a","b"]]}}
        """;

    private readonly TemporaryDirectory directory = new();

    public RefusedMixtureTests() => TinyModel.Write(directory["seed"], TinyModel.Dense, 1);

    public void Dispose() => directory.Dispose();

    public static TheoryData<string, ModelConfig> Misfits => new()
    {
        { "hidden_size: expected 6 as in the seed {0}, found 8", TinyModel.Dense with { HiddenSize = 8, IntermediateSize = 7 } },
        { "num_hidden_layers: expected 2 as in the seed {0}, found 3", TinyModel.Dense with { NumHiddenLayers = 3 } },
        { "num_key_value_heads: expected 2 as in the seed {0}, found 4", TinyModel.Dense with { NumKeyValueHeads = 4 } },
        { "parallel_block: expected true as in the seed {0}, found false", TinyModel.Dense with { ParallelBlock = false } },
        {
            "norm_type: expected \"layer_norm\" as in the seed {0}, found \"rms_norm\"",
            TinyModel.Dense with { NormType = NormType.RmsNorm }
        },
        { "rope_theta: expected 10000 as in the seed {0}, found 500000", TinyModel.Dense with { RopeTheta = 500_000 } },
        { "rope_interleaved: expected false as in the seed {0}, found true", TinyModel.Dense with { RopeInterleaved = true } },
        { "logit_scale: expected 1 as in the seed {0}, found 0.0625", TinyModel.Dense with { LogitScale = 0.0625 } },
    };

    [Theory, MemberData(nameof(Misfits))]
    public void A_model_that_is_no_copy_of_the_seed_costs_one_line(string message, ModelConfig config)
    {
        TinyModel.Write(directory["good"], TinyModel.Dense, 2);
        TinyModel.Write(directory["other"], config, 3);
        Refused("btx", Options("good", "other"))
            .ShouldBe(
                $"{directory["other/config.json"]}: "
                + $"{string.Format(System.Globalization.CultureInfo.InvariantCulture, message, directory["seed"])}; every "
                    + "expert must be a copy of the seed, trained further");
    }

    [Fact]
    public void A_mixture_is_no_source()
    {
        TinyModel.Write(directory["moe"], TinyModel.Dense with { NumLocalExperts = 4 }, 2);
        Refused("btx", Options("moe")).ShouldBe(
            $"{directory["moe/config.json"]}: expected a dense model, found a mixture of 1 attention and 4 feed-forward "
            + "experts; mix the dense models it was made of");
        Refused("sparse", new MixtureOptions { Seed = directory["moe"], FeedForwardExperts = 4 })
            .ShouldContain("expected a dense model");
    }

    [Theory]
    [InlineData("\"b\":2", "\"b\":3", "model.vocab.b: expected 2 as in {0}, found 3")]
    [InlineData("\"b\":2", "\"c\":2", "model.vocab.b: expected 2 as in {0}, found none")]
    [InlineData("[\"a\",\"b\"]", "[\"b\",\"a\"]", "model.merges[0][0]: expected \"a\" as in {0}, found \"b\"")]
    [InlineData("[[\"a\",\"b\"]]", "[[\"a\",\"b\"],[\"b\",\"a\"]]", "model.merges: expected 1 entries as in {0}, found 2")]
    [InlineData("<|endoftext|>", "</s>", "added_tokens[0].content: expected \"<|endoftext|>\" as in {0}, found \"</s>\"")]
    public void A_model_of_another_tokenizer_costs_one_line(string part, string other, string message)
    {
        TinyModel.Write(directory["expert"], TinyModel.Dense, 2);
        File.WriteAllText(directory["seed/tokenizer.json"], Tokenizer);
        File.WriteAllText(directory["expert/tokenizer.json"], Tokenizer.Replace(part, other, StringComparison.Ordinal));
        var difference = message.Replace("{0}", directory["seed/tokenizer.json"], StringComparison.Ordinal);
        Refused("btx", Options("expert")).ShouldBe(
            $"{directory["expert/tokenizer.json"]}: {difference}; all models must have the seed's vocabulary");
    }

    [Fact]
    public void The_same_tokenizer_in_another_spelling_is_the_same()
    {
        TinyModel.Write(directory["expert"], TinyModel.Dense, 2);
        File.WriteAllText(directory["seed/tokenizer.json"], Tokenizer);
        File.WriteAllText(directory["seed/tokenizer_config.json"], "{}");
        File.WriteAllText(
            directory["expert/tokenizer.json"],
            Tokenizer.Replace(",", " ,\n", StringComparison.Ordinal)
                .Replace("\"truncation\":null", "\"truncation\":{\"max_length\":8}", StringComparison.Ordinal));
        var reporter = new RecordingReporter();
        Upcycler.Mix("btx", Options("expert"), directory["mixture"], reporter);
        reporter.Warnings.ShouldBeEmpty();
        File.ReadAllText(directory["mixture/tokenizer.json"]).ShouldBe(Tokenizer);
        File.ReadAllText(directory["mixture/tokenizer_config.json"]).ShouldBe("{}");
    }

    [Theory]
    [InlineData("\"b\":2", "\"b\":7", "expected ids below vocab_size = 7, found id 7; it belongs to another model")]
    [InlineData("\"vocab\"", "\"words\"", null)]
    public void A_tokenizer_beyond_the_vocabulary_is_refused(string part, string other, string? message)
    {
        TinyModel.Write(directory["expert"], TinyModel.Dense, 2);
        File.WriteAllText(directory["seed/tokenizer.json"], Tokenizer.Replace(part, other, StringComparison.Ordinal));
        if (message is null) Upcycler.Mix("btx", Options("expert"), directory["mixture"], SilentReporter.Instance);
        else Refused("btx", Options("expert")).ShouldBe($"{directory["seed/tokenizer.json"]}: {message}");
    }

    public static TheoryData<string, MixtureOptions, string> WrongOptions => new()
    {
        {
            "bam", Ask(0),
            "bam: expert: expected at least one specialised model beside the seed, found none; name each with --expert DIR, "
            + "or use sparse to copy one model"
        },
        {
            "soup", Ask(0),
            "soup: expert: expected at least one specialised model beside the seed, found none; name each with --expert DIR, "
            + "or use sparse to copy one model"
        },
        {
            "btx", Ask(1) with { ShareKeyValue = true },
            "btx: share-key-value does not apply, only bam has attention experts; leave it out"
        },
        {
            "btx", Ask(1) with { AttentionTopK = 1 },
            "btx: attention-top-k does not apply, only bam has attention experts; leave it out"
        },
        { "soup", Ask(1) with { TopK = 1 }, "soup: top-k does not apply, its output is dense; leave it out" },
        { "soup", Ask(1) with { FeedForwardExperts = 4 }, "soup: experts does not apply, its output is dense; leave it out" },
        { "soup", Ask(1) with { NormTopK = true }, "soup: norm-topk does not apply, its output is dense; leave it out" },
        {
            "btx", Ask(3) with { FeedForwardExperts = 3 }, "experts: expected at least 4, one of each model, found 3; choose more"
        },
        {
            "btx", Ask(3) with { TopK = 5 }, "top-k: expected 1 to 4, the number of feed-forward experts, found 5; choose another"
        },
        {
            "btx", Ask(3) with { TopK = 0 }, "top-k: expected 1 to 4, the number of feed-forward experts, found 0; choose another"
        },
        {
            "bam", Ask(1) with { AttentionTopK = 3 },
            "attention-top-k: expected 1 to 2, the number of models, found 3; choose another or leave it out for soft routing"
        },
        { "sparse", Ask(0), "sparse: experts: expected the number of copies, found none; say how many, for example --experts 4" },
        { "sparse", Ask(0) with { FeedForwardExperts = 1 }, "experts: expected at least 2, found 1; choose more" },
        {
            "sparse", Ask(0) with { FeedForwardExperts = 2, ShareKeyValue = true },
            "sparse: share-key-value does not apply, only bam has attention experts; leave it out"
        },
        { "moe", Ask(1), "method: expected bam, btx, soup, sparse, found moe; choose one of these" },
    };

    [Theory, MemberData(nameof(WrongOptions))]
    public void A_wrong_option_costs_one_line(string method, MixtureOptions options, string message)
    {
        var experts = options.Experts.Select(name => TinyModel.Write(directory[name], TinyModel.Dense, 2)).ToArray();
        Refused(method, options with { Seed = directory["seed"], Experts = experts }).ShouldBe(message);
    }

    [Fact]
    public void Sparse_names_the_expert_it_cannot_use()
    {
        TinyModel.Write(directory["e1"], TinyModel.Dense, 2);
        Refused("sparse", Options("e1")).ShouldBe(
            $"sparse: expert: expected the seed alone, found {directory["e1"]}; leave the experts out, or use btx to mix "
            + "several models");
    }

    [Fact]
    public void The_output_never_replaces_a_source()
    {
        TinyModel.Write(directory["runs/expert"], TinyModel.Dense, 2);
        Directory.CreateSymbolicLink(directory["link"], directory["seed"]);
        Directory.CreateSymbolicLink(directory["linked"], directory["runs"]);
        foreach (
            var output in new[]
            {
                directory["link"], directory["linked/expert"], directory["runs/expert"], directory["runs"], directory["seed/"],
                directory.Root,
            })
        {
            Should.Throw<InvalidInputException>(
                () => Upcycler.Mix("btx", Options("runs/expert"), output, SilentReporter.Instance))
                .Message.ShouldMatch("(is the input|lies in the input|around the input) .*; choose another");
        }

        Checkpoint.Open(directory["runs/expert"], SilentReporter.Instance).Dispose();
    }

    [Theory]
    [InlineData("")]
    [InlineData("/mixture")]
    public void The_output_does_not_take_the_name_of_a_model_with_an_adapter(string end)
    {
        TinyModel.Write(directory["base"], TinyModel.Dense, 1);
        new AdapterSource().AddLinear("model.layers.0.self_attn.q_proj", 8, 6).Write(directory["adapter"]);
        var model = $"{directory["base"]}+{directory["adapter"]}";
        var options = new MixtureOptions { Seed = directory["base"], Experts = [model] };
        Should.Throw<InvalidInputException>(() => Upcycler.Mix("btx", options, model + end, SilentReporter.Instance))
            .Message.ShouldContain("which would then be meant instead of this model");
        Path.Exists(model).ShouldBeFalse();
    }

    [Fact]
    public void What_deserves_a_word_gets_one()
    {
        TinyModel.Write(directory["expert"], TinyModel.Dense with { EosTokenIds = [3], TorchDtype = "float32" }, 2);
        var reporter = new RecordingReporter();
        Upcycler.Mix(
            "btx",
            new MixtureOptions { Seed = directory["seed"], Experts = [directory["expert"], directory["seed"]], NormTopK = true },
            directory["mixture"], reporter);
        reporter.Warnings.ShouldBe(
        [
            $"{directory["expert/config.json"]}: eos_token_id is 3; the mixture takes the seed's null",
            $"{directory["seed"]} is given twice, as models 0 and 2: it counts twice in every mean",
            $"no tokenizer.json in {directory["seed"]}, {directory["expert"]}: vocabularies are compared by size only",
            "norm-topk with top-k 1 makes every weight 1: the feed-forward router gets no gradient from the loss",
        ]);
    }

    private static MixtureOptions Ask(int experts) =>
        new() { Seed = "", Experts = [.. Enumerable.Range(1, experts).Select(i => $"e{i}")] };

    private MixtureOptions Options(params string[] experts) =>
        new() { Seed = directory["seed"], Experts = [.. experts.Select(name => directory[name])] };

    private string Refused(string method, MixtureOptions options)
    {
        var message = Should.Throw<InvalidInputException>(
            () => Upcycler.Mix(method, options, directory["mixture"], SilentReporter.Instance)).Message;
        Directory.Exists(directory["mixture"]).ShouldBeFalse();
        message.ShouldNotContain("\n");
        return message;
    }
}
