using System.Numerics.Tensors;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Data.Text;
using Bam.Files;
using Bam.Tokenization;
using Bam.Torch;
using Tensor = Bam.Torch.Tensor;

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
    /// <param name="reporter">Receives progress, and warnings about shorter texts.</param>
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
        var tokenizer = Tokenizer.Load(ModelPath.Of(seed).Base);
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
        var window = Math.Min(model.Config.LongestInput, LongestWindow);
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

/// <summary>The mean of what the routers of one block read, or would read in a dense block.</summary>
internal sealed class RouterInputMean(int hiddenSize) : IRoutingObserver
{
    private readonly double[] attention = new double[hiddenSize];
    private readonly double[] feedForward = new double[hiddenSize];
    private long attentionTokens;
    private long feedForwardTokens;

    /// <summary>Of the attention router's input, [d].</summary>
    public double[] Attention => Array.ConvertAll(attention, sum => sum / attentionTokens);

    /// <summary>Of the feed-forward router's input, [d].</summary>
    public double[] FeedForward => Array.ConvertAll(feedForward, sum => sum / feedForwardTokens);

    public void AddAttentionInput(Tensor h) => attentionTokens += Add(h, attention);

    public void AddFeedForwardInput(Tensor h) => feedForwardTokens += Add(h, feedForward);

    private static long Add(Tensor h, double[] sums)
    {
        using var scope = TensorScope.Open();
        var tokens = h.To(ScalarType.Float32).Reshape(-1, sums.Length);  // [n, d]
        var sum = tokens.Sum(0).ToArray<float>();
        for (var i = 0; i < sums.Length; i++) sums[i] += sum[i];
        return tokens.Size(0);
    }
}

/// <summary>
/// A router from the mean inputs of its experts' domains: row e is the part of domain e's mean that the domains do not share,
/// wₑ = s · (I − c·cᵀ/|c|²)(μₑ − c), where c is the mean of the means.
/// </summary>
/// <remarks>
/// Without the second factor an expert whose mean is long along c would be ahead for every token. s makes the logit wₑ·μₑ
/// <see cref="OwnLogit"/> on the mean over the experts; the logits of one input sum to 0.
/// </remarks>
internal static class RouterRows
{
    /// <summary>The logit of an expert at its own domain's mean, on the mean over the experts.</summary>
    public const double OwnLogit = 4;

    // What float32 leaves of differences between equal means, squared and relative to what they share.
    private const double Rounding = 1e-12;

    /// <summary>The rows, [experts, d], from the mean μ of each expert's domain, [d]; null if the means are equal.</summary>
    public static float[]? Of(IReadOnlyList<double[]> means)
    {
        var hidden = means[0].Length;
        var shared = new double[hidden];
        foreach (var mean in means) TensorPrimitives.Add<double>(shared, mean, shared);
        TensorPrimitives.Divide(shared, means.Count, shared);

        var rows = means.Select(mean => Beside(shared, mean)).ToArray();
        var ownLogit = rows.Average(row => TensorPrimitives.SumOfSquares<double>(row));  // wₑ·μₑ = |wₑ|² before scaling
        if (!(ownLogit > Rounding * TensorPrimitives.SumOfSquares<double>(shared))) return null;
        return [.. rows.SelectMany(row => row).Select(value => (float)(value * OwnLogit / ownLogit))];
    }

    private static double[] Beside(double[] shared, double[] mean)
    {
        var row = new double[mean.Length];
        TensorPrimitives.Subtract<double>(mean, shared, row);
        var square = TensorPrimitives.SumOfSquares<double>(shared);
        if (square > 0) TensorPrimitives.MultiplyAdd(shared, -TensorPrimitives.Dot<double>(row, shared) / square, row, row);
        return row;
    }
}
