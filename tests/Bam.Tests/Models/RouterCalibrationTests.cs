using Bam.Checkpoints;
using Bam.Models;
using Bam.Tests.Tokenization;
using Bam.Tests.Upcycling;
using Bam.Torch;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

[Collection(LibTorchCollection.Name)]
public sealed class RouterCalibrationTests : IDisposable
{
    private const int Tokens = 80;  // two windows of 32 and a rest
    private static readonly string[] Alphabets = ["abc", "xyz", "123"];

    private readonly TemporaryDirectory directory = new();
    private readonly string[] texts;

    public RouterCalibrationTests() => texts = [.. Alphabets.Select((letters, i) => Text($"{i}.txt", letters))];

    public static TheoryData<string> Kinds => ["parallel", "separate norms", "sequential"];

    public void Dispose() => directory.Dispose();

    [Theory, MemberData(nameof(Kinds))]
    public void Rows_come_from_the_means_of_what_the_seed_reads(string kind)
    {
        var config = ConfigOf(kind);
        var seed = Seed(config);
        var found = Run(seed, config with { NumAttentionExperts = 3, NumLocalExperts = 3 }, texts);
        using var scope = TensorScope.Open();
        using var model = ModelCheckpoint.Load(seed, Device.Cpu, SilentReporter.Instance);
        var inputs = Alphabets.Select(letters => InputsOf(model, letters)).ToArray();
        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            found[$"model.layers.{layer}.self_attn.router.weight"]
                .ShouldBe(RouterRows.Of([.. inputs.Select(domain => domain[layer].Attention)])!, 1e-4f);
            found[$"model.layers.{layer}.mlp.router.weight"]
                .ShouldBe(RouterRows.Of([.. inputs.Select(domain => domain[layer].FeedForward)])!, 1e-4f);
        }

        found.Count.ShouldBe(2 * config.NumHiddenLayers);
        var isOneInput = config is { ParallelBlock: true, SeparateNorms: false };
        (found["model.layers.1.self_attn.router.weight"].SequenceEqual(found["model.layers.1.mlp.router.weight"]))
            .ShouldBe(isOneInput);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_mixture_sends_each_domain_to_its_expert(string kind)
    {
        var seed = Seed(ConfigOf(kind));
        var options = new MixtureOptions { Seed = seed, Experts = [seed, seed], RouterTexts = new(texts, Tokens) };
        Upcycler.Mix("bam", options, directory["mixture"], SilentReporter.Instance);

        using var scope = TensorScope.Open();
        using var mixture = ModelCheckpoint.Load(directory["mixture"], Device.Cpu, SilentReporter.Instance);
        var statistics = new RoutingStatistics(mixture.Config, Alphabets.Length);
        for (var domain = 0; domain < Alphabets.Length; domain++)
        {
            var ids = Ids(Sequence(Alphabets[domain]).Take(32));
            statistics.BeginBatch([domain]);
            using (NoGrad.Enter()) mixture.Loss(ids, ids, statistics);
            foreach (var layer in statistics.Layers)
            {
                layer.ExpertLoad(domain)![domain].ShouldBeGreaterThan(0.6);
                layer.AttentionGate(domain)![domain].ShouldBeGreaterThan(0.6);
            }
        }
    }

    [Fact]
    public void The_same_request_gives_the_same_bits()
    {
        var seed = Seed(TinyModels.Dense);
        var mixture = TinyModels.Btx with { VocabSize = TinyTokenizer.FirstAdded, NumLocalExperts = 3 };
        var first = Run(seed, mixture, texts);
        first.Keys.ShouldBe(["model.layers.0.mlp.router.weight", "model.layers.1.mlp.router.weight"]);
        foreach (var (name, rows) in Run(seed, mixture, texts)) rows.ShouldBe(first[name]);
    }

    [Fact]
    public void A_short_text_is_read_whole_with_a_word_about_it()
    {
        var seed = Seed(TinyModels.Dense);
        var reporter = new RecordingReporter();
        string[] some = [texts[0], texts[1], Text("short.txt", "123", 5)];
        RouterCalibration.Run(seed, TinyModels.Bam, some, Tokens, Device.Cpu, reporter);
        reporter.Warnings.ShouldBe([$"{some[2]}: has only 5 of the {Tokens} tokens that calibrate its router row"]);
        reporter.Progress[^1].ShouldBe(new WorkProgress("calibrate", (2 * Tokens) + 5, (2 * Tokens) + 5, "tokens"));
    }

    [Fact]
    public void Texts_that_are_all_alike_are_refused()
    {
        string[] alike = [.. Enumerable.Range(0, 3).Select(i => Text($"same{i}.txt", "abc"))];
        Should.Throw<InvalidInputException>(() => Run(Seed(TinyModels.Dense), TinyModels.Bam, alike)).Message.ShouldBe(
            "the router texts: expected a domain of its own for each expert, found the same text in "
            + $"{string.Join(", ", alike)}; give each expert text of what it was specialised on");
    }

    [Fact]
    public void A_seed_without_a_tokenizer_is_refused()
    {
        var seed = Seed(TinyModels.Dense);
        File.Delete(Path.Combine(seed, TokenizerFile.FileName));
        Should.Throw<InvalidInputException>(() => Run(seed, TinyModels.Bam, texts))
            .Message.ShouldContain("expected a tokenizer.json");
    }

    private static ModelConfig ConfigOf(string kind) => (kind switch
    {
        "parallel" => TinyModels.Dense,
        "separate norms" => TinyModels.Biased,
        _ => TinyModels.Normed,
    }) with { VocabSize = TinyTokenizer.FirstAdded };

    private static IReadOnlyDictionary<string, float[]> Run(string seed, ModelConfig mixture, IReadOnlyList<string> texts) =>
        RouterCalibration.Run(seed, mixture, texts, Tokens, Device.Cpu, SilentReporter.Instance);

    // What a pass over each window of its own gives, weighted by their tokens.
    private static RouterInputMean[] InputsOf(LanguageModel model, string letters)
    {
        var means = Enumerable.Range(0, model.Config.NumHiddenLayers).Select(_ => new RouterInputMean(model.Config.HiddenSize))
            .ToArray();
        foreach (var window in Sequence(letters).Take(Tokens).Chunk(model.Config.MaxPositionEmbeddings))
            model.Observe(Ids(window), means);
        return means;
    }

    private static Tensor Ids(IEnumerable<int> ids)
    {
        long[] values = [.. ids.Select(id => (long)id)];
        return Tensor.From<long>(values, [1, values.Length]);
    }

    // Letters are their own ids, in an order that does not repeat soon.
    private static IEnumerable<int> Sequence(string letters) =>
        Enumerable.Range(0, 200).Select(i => (int)letters[i * i / 3 % letters.Length]);

    private string Text(string name, string letters, int count = 200)
    {
        File.WriteAllText(directory[name], string.Concat(Sequence(letters).Take(count).Select(id => (char)id)));
        return directory[name];
    }

    private string Seed(ModelConfig config)
    {
        using var model = TinyModels.Create(config with { VocabSize = TinyTokenizer.FirstAdded });
        Directory.CreateDirectory(directory["seed"]);
        ModelCheckpoint.Save(model, directory["seed"]);
        File.WriteAllText(directory["seed/tokenizer.json"], TinyTokenizer.Json().ToJsonString());
        return directory["seed"];
    }
}
