using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Tests.Checkpoints;
using Bam.Tests.Tokenization;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Upcycling;

/// <summary>
/// Models whose tokenizers have 259, 261 and 260 ids: the second adds two tokens to the seed's, the third the first of these.
/// </summary>
public sealed class ResizedMixtureTests : IDisposable
{
    private const int Ids = TinyTokenizer.FirstAdded;

    private static readonly ModelConfig Config = TinyModel.Dense with
    {
        TieWordEmbeddings = false, LmHeadBias = true, VocabSize = Ids,
    };

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("soup")]
    [InlineData("btx")]
    [InlineData("bam")]
    public void A_row_is_the_mean_of_the_models_that_have_it(string method)
    {
        var options = Options(Model("m0"), Model("m1", "<a>", "<b>"), Model("m2", "<a>"));
        var reporter = new RecordingReporter();
        Upcycler.Mix(method, options, directory["mixture"], reporter);

        reporter.Warnings.ShouldBe(
        [
            $"rows {Ids} to {Ids} of the vocabulary are from {directory["m1"]}, {directory["m2"]} alone",
            $"rows {Ids + 1} to {Ids + 1} of the vocabulary are from {directory["m1"]} alone",
        ]);
        using var mixture = Checkpoint.Open(directory["mixture"], SilentReporter.Instance);
        mixture.Config.VocabSize.ShouldBe(Ids + 2);
        foreach (
            var (name, columns) in new[]
            {
                (ParameterTable.Embedding, 6), (ParameterTable.Head, 6), (ParameterTable.HeadBias, 1),
            })
        {
            var found = Read(directory["mixture"], name);
            var (m0, m1, m2) = (Read(directory["m0"], name), Read(directory["m1"], name), Read(directory["m2"], name));
            for (var i = 0; i < found.Length; i++)
                found[i].ShouldBe(
                    (i / columns) switch { < Ids => (m0[i] + m1[i] + m2[i]) / 3, Ids => (m1[i] + m2[i]) / 2, _ => m1[i] },
                    $"{name}[{i}]");
        }

        File.ReadAllBytes(directory["mixture/tokenizer.json"]).ShouldBe(File.ReadAllBytes(directory["m1/tokenizer.json"]));
        JsonNode.Parse(File.ReadAllText(directory["mixture/upcycling.json"]))!["resize_embeddings"]!.GetValue<bool>()
            .ShouldBeTrue();
    }

    [Fact]
    public void Weights_are_those_of_the_models_that_have_the_row()
    {
        Upcycler.Mix(
            "soup", Options(Model("m0"), Model("m1", "<a>", "<b>"), Model("m2", "<a>")) with { Weights = [2, 1, 1] },
            directory["mixture"], SilentReporter.Instance);
        var (found, m0, m1, m2) = (Read("mixture"), Read("m0"), Read("m1"), Read("m2"));
        found[7].ShouldBe((0.5f * m0[7]) + (0.25f * m1[7]) + (0.25f * m2[7]));
        found[6 * Ids].ShouldBe((0.5f * m1[6 * Ids]) + (0.5f * m2[6 * Ids]));
        found[^1].ShouldBe(m1[^1]);

        Upcycler.Mix(
            "soup", Options(Model("m0"), Model("m1", "<a>", "<b>")) with { Weights = [1, 0] }, directory["mixture"],
            SilentReporter.Instance);
        Read("mixture")[7].ShouldBe(m0[7]);
        Read("mixture")[^1].ShouldBe(m1[^1]);
    }

    [Fact]
    public void A_padded_row_is_no_token_of_the_model_that_pads()
    {
        // m0 has rows for <a> and <b> that nothing trained; m1 knows <a>; nobody knows the last row.
        var options = Options(Model("m0", Ids + 3), Model("m1", Ids + 3, "<a>"), Model("m2", Ids + 2));
        Upcycler.Mix("soup", options, directory["mixture"], SilentReporter.Instance);
        var (found, m0, m1, m2) = (Read("mixture"), Read("m0"), Read("m1"), Read("m2"));
        found[6 * Ids].ShouldBe(m1[6 * Ids]);
        found[6 * (Ids + 1)].ShouldBe((m0[6 * (Ids + 1)] + m1[6 * (Ids + 1)] + m2[6 * (Ids + 1)]) / 3);
        found[^1].ShouldBe((m0[^1] + m1[^1]) / 2);
    }

    [Fact]
    public void Tokens_that_no_model_has_rows_for_get_the_mean_of_all_other_rows()
    {
        // m1 has a row for <a> alone, m0 for none.
        var options = Options(Model("m0", Ids, "<a>"), Model("m1", Ids + 1, "<a>", "<b>", "<c>"));
        var reporter = new RecordingReporter();
        Upcycler.Mix("soup", options, directory["mixture"], reporter);

        reporter.Warnings.ShouldBe(
        [
            $"rows {Ids} to {Ids} of the vocabulary are from {directory["m1"]} alone",
            $"{directory["m1/tokenizer.json"]}: <b> (id {Ids + 1}), <c> (id {Ids + 2}) have no row in the embedding "
            + $"(vocab_size {Ids + 1}) of any model; the mixture has one for each, the mean of its other rows",
        ]);
        foreach (
            var (name, columns) in new[]
            {
                (ParameterTable.Embedding, 6), (ParameterTable.Head, 6), (ParameterTable.HeadBias, 1),
            })
        {
            var (found, m0, m1) = (Read(directory["mixture"], name), Read(directory["m0"], name), Read(directory["m1"], name));
            found.Length.ShouldBe(columns * (Ids + 3));
            found[columns * Ids].ShouldBe(m1[columns * Ids]);
            for (var column = 0; column < columns; column++)
            {
                var mean = Enumerable.Range(0, Ids + 1).Average(
                    row => row < Ids
                        ? (double)((m0[row * columns + column] + m1[row * columns + column]) / 2)
                        : m1[row * columns + column]);
                found[(Ids + 1) * columns + column].ShouldBe((float)mean, 1e-6);
                found[(Ids + 2) * columns + column].ShouldBe(found[(Ids + 1) * columns + column]);
            }
        }
    }

    [Fact]
    public void So_do_those_of_one_model_alone()
    {
        var options = new MixtureOptions
        {
            Seed = Model("m0", Ids, "<a>"), Experts = [], ResizeEmbeddings = true, FeedForwardExperts = 2,
        };
        Upcycler.Mix("sparse", options, directory["mixture"], SilentReporter.Instance);
        var (found, m0) = (Read("mixture"), Read("m0"));
        found[..m0.Length].ShouldBe(m0);
        found[^1].ShouldBe((float)Enumerable.Range(0, Ids).Average(row => (double)m0[(row * 6) + 5]), 1e-6);
    }

    [Fact]
    public void Models_of_one_vocabulary_are_mixed_as_without()
    {
        var options = Options(Model("m0", Ids + 3, "<a>"), Model("m1", Ids + 3, "<a>"));
        Upcycler.Mix("bam", options, directory["resized"], SilentReporter.Instance);
        Upcycler.Mix("bam", options with { ResizeEmbeddings = false }, directory["plain"], SilentReporter.Instance);
        File.ReadAllBytes(directory["resized/model.safetensors"])
            .ShouldBe(File.ReadAllBytes(directory["plain/model.safetensors"]));
        File.ReadAllBytes(directory["resized/config.json"]).ShouldBe(File.ReadAllBytes(directory["plain/config.json"]));
    }

    [Fact]
    public void Without_tokenizers_the_sizes_decide()
    {
        TinyModel.Write(directory["m0"], Config with { VocabSize = 5 }, 0);
        TinyModel.Write(directory["m1"], Config with { VocabSize = 7 }, 1);
        Upcycler.Mix("soup", Options(directory["m0"], directory["m1"]), directory["mixture"], SilentReporter.Instance);
        Read("mixture")[30..].ShouldBe(Read("m1")[30..]);
        File.Exists(directory["mixture/tokenizer.json"]).ShouldBeFalse();
    }

    [Fact]
    public void Long_tensors_of_a_narrow_dtype_are_whole()
    {
        var (fewer, more) = (400_001, 400_004);
        TinyModel.Write(directory["m0"], TinyModel.Dense with { VocabSize = fewer }, 0, TensorDtype.BFloat16);
        TinyModel.Write(directory["m1"], TinyModel.Dense with { VocabSize = more }, 1, TensorDtype.BFloat16);
        Upcycler.Mix("soup", Options(directory["m0"], directory["m1"]), directory["mixture"], SilentReporter.Instance);
        var (found, m0, m1) = (Read("mixture"), Read("m0"), Read("m1"));
        for (var i = 0; i < found.Length; i++)
        {
            var expected = i < m0.Length ? (m0[i] + m1[i]) / 2 : m1[i];
            if (found[i] != BitConverter.UInt32BitsToSingle((uint)FloatConversion.ToBFloat16(expected) << 16))
                found[i].ShouldBe(expected, $"[{i}]");
        }
    }

    [Fact]
    public void Without_the_option_the_added_tokens_are_counted()
    {
        var (seed, larger) = (Model("m0"), Model("m1", "<a>", "<b>"));
        Refused(Options(seed, larger) with { ResizeEmbeddings = false }).ShouldBe(
            $"{directory["m1/config.json"]}: vocab_size: expected {Ids} as in the seed {seed}, found {Ids + 2}; 2 tokens "
            + "added to the seed's; --resize-embeddings gives the mixture the largest vocabulary");
        Refused(Options(larger, seed) with { ResizeEmbeddings = false })
            .ShouldEndWith("; the seed has 2 tokens more; --resize-embeddings gives the mixture the largest vocabulary");
        Refused(Options(Model("p0", Ids), Model("p1", Ids + 8)) with { ResizeEmbeddings = false })
            .ShouldEndWith("; only the padding differs; --resize-embeddings gives the mixture the largest vocabulary");
        Refused(Options(Model("q0", Ids + 8), Model("q1", Ids + 8, "<a>")) with { ResizeEmbeddings = false }).ShouldBe(
            $"{directory["q1/tokenizer.json"]}: added_tokens: expected 0 entries as in {directory["q0/tokenizer.json"]}, "
            + "found 1; 1 token added to the seed's; --resize-embeddings gives the mixture the largest vocabulary");
    }

    [Fact]
    public void The_option_is_not_offered_where_it_would_not_help()
    {
        var options = Options(Model("m0", "<a>"), Model("m1", "<b>", "<c>"));
        Refused(options with { ResizeEmbeddings = false }).ShouldEndWith(
            $"; the tokenizers are different ones, of which id {Ids} is the first sign; every expert must be a copy of the "
            + "seed, trained further");
    }

    [Fact]
    public void Two_models_with_different_tokens_under_one_id_are_refused()
    {
        var options = Options(Model("m0"), Model("m1", "<a>", "<b>"), Model("m2", "<c>"));
        Refused(options).ShouldBe(
            $"{directory["m2/tokenizer.json"]}: id {Ids}: expected \"<a>\" as in {directory["m1/tokenizer.json"]}, found "
            + "\"<c>\"; the largest vocabulary must have all tokens of the others under their ids");
    }

    [Fact]
    public void Other_differences_are_refused_as_before()
    {
        TinyModel.Write(directory["m1"], Config with { VocabSize = 300, RopeTheta = 500 }, 1);
        Refused(Options(Model("m0"), directory["m1"])).ShouldContain("rope_theta: expected 10000 as in the seed");
    }

    private static MixtureOptions Options(params string[] models) =>
        new() { Seed = models[0], Experts = models[1..], ResizeEmbeddings = true };

    private string Model(string name, params string[] added) => Model(name, Ids + added.Length, added);

    private string Model(string name, int vocabSize, params string[] added)
    {
        TinyModel.Write(directory[name], Config with { VocabSize = vocabSize }, seed: name[^1]);
        var json = TinyTokenizer.Json();
        json["added_tokens"] = new JsonArray([.. added.Select((token, i) => TinyTokenizer.Added(Ids + i, token))]);
        File.WriteAllText(directory[$"{name}/tokenizer.json"], json.ToJsonString());
        return directory[name];
    }

    private float[] Read(string model) => Read(directory[model], ParameterTable.Embedding);

    private static float[] Read(string model, string name)
    {
        using var checkpoint = Checkpoint.Open(model, SilentReporter.Instance);
        var values = new float[checkpoint.Parameters.Single(parameter => parameter.Name == name).Count];
        checkpoint.ReadFloat32(name, values);
        return values;
    }

    private string Refused(MixtureOptions options) =>
        Should.Throw<InvalidInputException>(() => Upcycler.Mix("btx", options, directory["refused"], SilentReporter.Instance))
            .Message;
}
