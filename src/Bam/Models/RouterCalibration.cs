using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Data.Text;
using Bam.Tokenization;
using Bam.Torch;

namespace Bam.Models;

/// <summary>
/// Routers that know their experts' domains before any training: the seed reads a text of each domain, and a router's rows come
/// from the means of what it would have read (<see cref="RouterRows"/>).
/// </summary>
internal static class RouterCalibration
{
    /// <summary>Tokens that pass through the model together.</summary>
    private const int BatchTokens = 4096;

    private const int LongestWindow = 2048;

    /// <summary>The same on a device by its name, "auto", "cpu" or "cuda:N"; loads libtorch.</summary>
    /// <exception cref="InvalidInputException">There is no such device, or as for the other overload.</exception>
    public static IReadOnlyDictionary<string, float[]> Run(
        string seed,
        ModelConfig mixture,
        IReadOnlyList<string> texts,
        int tokens,
        string device,
        IReporter reporter,
        long skipBadLines = 0,
        CancellationToken cancellation = default)
    {
        LibTorch.Load();
        return Run(seed, mixture, texts, tokens, Parse(device), reporter, skipBadLines, cancellation);

        static Device Parse(string name)
        {
            try
            {
                return Device.Parse(name);
            }
            catch (FormatException e)
            {
                throw new InvalidInputException($"--device: {e.Message}", e);
            }
        }
    }

    /// <summary>The values of every router of a mixture.</summary>
    /// <param name="seed">The dense checkpoint that the experts were copied from, with its tokenizer.</param>
    /// <param name="mixture">The mixture's configuration.</param>
    /// <param name="texts">A text of each expert's domain, in the order of the experts; see <see cref="LeadingTokens"/>.</param>
    /// <param name="tokens">The most tokens of each text.</param>
    /// <param name="device">Where the seed computes.</param>
    /// <param name="reporter">Told how far it is, and of texts that are shorter.</param>
    /// <param name="skipBadLines">How many lines of JSONL that cannot be read are passed over in each text.</param>
    /// <param name="cancellation">Cancellation token.</param>
    /// <returns>[experts, d] by the router's name.</returns>
    /// <exception cref="InvalidInputException">A text or the seed cannot be read, or the texts are all alike.</exception>
    public static IReadOnlyDictionary<string, float[]> Run(
        string seed,
        ModelConfig mixture,
        IReadOnlyList<string> texts,
        int tokens,
        Device device,
        IReporter reporter,
        long skipBadLines = 0,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(reporter);
        var samples = Samples(seed, texts, tokens, skipBadLines, reporter);
        using var model = ModelCheckpoint.Load(seed, device, reporter, withGradients: false);
        var total = samples.Sum(ids => (long)ids.Length);
        var done = 0L;
        var means = samples.Select(ids => MeansOf(model, ids, Advance)).ToArray();
        return ParameterTable.Of(mixture)
            .Where(parameter => parameter.IsRouter)
            .ToDictionary(
                router => router.Name,
                router => RouterRows.Of([.. means.Select(layers => MeanOf(layers[router.Layer], router))]) ?? throw Alike(texts));

        void Advance(int count)
        {
            cancellation.ThrowIfCancellationRequested();
            reporter.Advance(new WorkProgress("calibrate", done += count, total, "tokens"));
        }
    }

    private static List<int[]> Samples(
        string seed, IReadOnlyList<string> texts, int tokens, long skipBadLines, IReporter reporter)
    {
        var tokenizer = Tokenizer.Load(seed);
        var rows = ModelConfigReader.Load(seed, reporter).VocabSize;
        tokenizer.RequireFits(rows, seed, reporter);
        var samples = texts.Select(text => LeadingTokens.Read(text, tokenizer, tokens, reporter, skipBadLines, rows)).ToList();
        foreach (var (text, sample) in texts.Zip(samples).Where(pair => pair.Second.Length < tokens))
            reporter.Warn($"{text}: has only {sample.Length} of the {tokens} tokens that calibrate its router row");
        return samples;
    }

    private static RouterInputMean[] MeansOf(LanguageModel model, int[] ids, Action<int> advance)
    {
        var means = Enumerable.Range(0, model.Config.NumHiddenLayers).Select(_ => new RouterInputMean(model.Config.HiddenSize))
            .ToArray();
        var window = Math.Min(model.Config.MaxPositionEmbeddings, LongestWindow);
        for (var start = 0; start < ids.Length;)
        {
            var length = Math.Min(window, ids.Length - start);
            var rows = Math.Max(1, Math.Min(BatchTokens, ids.Length - start) / length);
            using var scope = TensorScope.Open();
            model.Observe(
                Tensor.From<long>([.. ids.Skip(start).Take(rows * length).Select(id => (long)id)], [rows, length], model.Device),
                means);
            start += rows * length;
            advance(rows * length);
        }

        return means;
    }

    private static double[] MeanOf(RouterInputMean layer, ParameterInfo router) =>
        router.Kind == ParameterKind.AttentionRouter ? layer.Attention : layer.FeedForward;

    private static InvalidInputException Alike(IReadOnlyList<string> texts) =>
        new(
            "the router texts", "a domain of its own for each expert", $"the same text in {string.Join(", ", texts)}",
            "give each expert text of what it was specialised on");
}
