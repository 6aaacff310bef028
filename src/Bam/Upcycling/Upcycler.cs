using System.Globalization;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Files;
using Bam.Models;

namespace Bam.Upcycling;

/// <summary>Makes one mixture of dense checkpoints, without training. Only calibrated routers need libtorch.</summary>
public static class Upcycler
{
    /// <summary>Plans a mixture and writes nothing.</summary>
    /// <exception cref="InvalidInputException">The models or the options do not fit each other.</exception>
    internal static MixturePlan Plan(string method, MixtureOptions options, IReporter reporter)
    {
        using var sources = MixtureSources.Open(options.Models, reporter, options.ResizeEmbeddings);
        var plan = MixturePlan.Create(method, options, sources);
        foreach (var warning in sources.Warnings) reporter.Warn(warning);
        return plan;
    }

    /// <summary>
    /// Makes a mixture: opens the models, computes routers from text where the options have some, and writes the checkpoint
    /// directory, which appears when it is complete and replaces an older mixture.
    /// </summary>
    /// <exception cref="InvalidInputException">The models or options do not fit, or the output may not be written.</exception>
    /// <exception cref="WorkFailedException">The disk is full or cannot be written.</exception>
    /// <param name="method">"bam", "btx", "sparse" or "soup".</param>
    /// <param name="options">The models, and how they are joined.</param>
    /// <param name="output">The directory to create.</param>
    /// <param name="reporter">Receives progress and warnings.</param>
    /// <param name="cancellation">Stops the work; nothing is left in <paramref name="output"/>.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static MixturePlan Mix(
        string method,
        MixtureOptions options,
        string output,
        IReporter? reporter = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(output);
        RequireModels(options);
        reporter ??= SilentReporter.Instance;
        RequireOutput(options, output);
        using var sources = MixtureSources.Open(options.Models, reporter, options.ResizeEmbeddings);
        var plan = MixturePlan.Create(method, options, sources);
        FreeSpace.Require(output, plan.Layout.Length);
        var routers = options.RouterTexts is { } texts ? Calibrate(plan, texts, reporter, cancellation) : null;
        Warn(plan, sources, reporter);
        if (options.CheckFinite) CheckFinite(sources, reporter, cancellation);
        using var directory = new AtomicDirectory(output, MixtureFiles.Own);
        WriteCompanions(plan, sources, directory.TemporaryPath, reporter);
        using var writer = new CheckpointWriter(directory.TemporaryPath, plan.Layout);
        new TensorWriter($"mix {method}", sources.Models, plan.Dtype, options.RouterSeed, routers)
            .Write(plan.Tensors, writer, reporter, cancellation);
        writer.Complete();
        cancellation.ThrowIfCancellationRequested();
        directory.Commit();
        return plan;
    }

    /// <summary>Refuses an output that may not be written, before anything is read.</summary>
    /// <exception cref="InvalidInputException">It is a file, overlaps an input, or is not an older mixture.</exception>
    internal static void RequireOutput(MixtureOptions options, string output)
    {
        var models = options.Models.Select(ModelPath.Of).ToList();
        OutputPath.RequireDirectory(
            output, MixtureFiles.Own,
            [.. models.SelectMany(model => model.Directories), .. options.RouterTexts?.Inputs ?? []]);
        foreach (var model in models) model.RequireNameLeftTo(output);
    }

    private static void RequireModels(MixtureOptions options)
    {
        ArgumentRules.RequireText(options.Seed, nameof(options.Seed), nameof(options));
        ArgumentRules.RequireTexts(options.Experts, nameof(options.Experts), nameof(options));
        if (options.RouterTexts is not { } texts) return;
        ArgumentRules.RequireTexts(texts.Inputs, nameof(texts.Inputs), nameof(options));
        ArgumentRules.RequireText(texts.Device, nameof(texts.Device), nameof(options));
    }

    private static IReadOnlyDictionary<string, float[]> Calibrate(
        MixturePlan plan, RouterTexts texts, IReporter reporter, CancellationToken cancellation) =>
        RouterCalibration.Run(
            plan.Options.Seed, plan.Config, texts.Inputs, texts.Tokens, texts.Device, reporter, texts.SkipBadLines, cancellation);

    private static void Warn(MixturePlan plan, MixtureSources sources, IReporter reporter)
    {
        foreach (var warning in sources.Warnings) reporter.Warn(warning);
        if (plan.Config is { NumLocalExperts: > 1, NumExpertsPerTok: 1, NormTopkProb: true })
            reporter.Warn("norm-topk with top-k 1 makes every weight 1: the feed-forward router gets no gradient from the loss");
        if (plan.Options.Weights is { } weights && weights.Sum() is var sum && Math.Abs(sum - 1) > 1e-9)
        {
            var divided = string.Join(", ", weights.Select(weight => Text(weight / sum, "0.####")));
            reporter.Say($"the weights sum to {Text(sum, "0.######")} and are divided by it: {divided}");
        }

        if (plan.Options.Dtype is not null) return;
        if (sources.Dtype is null) reporter.Warn($"the models have different dtypes; the mixture is {plan.Dtype.TorchName}");
        foreach (var model in sources.Models) model.WarnOfConversion(plan.Dtype, reporter);

        static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
    }

    private static void CheckFinite(MixtureSources sources, IReporter reporter, CancellationToken cancellation)
    {
        var total = sources.Models.Sum(model => model.Parameters.Sum(parameter => parameter.Count));
        var done = 0L;
        var gate = new Lock();
        foreach (var model in sources.Models) FiniteCheck.Require(model, Advance, cancellation);

        void Advance(long count)
        {
            lock (gate) reporter.Advance(new WorkProgress("check", done += count, total, "numbers"));
        }
    }

    private static void WriteCompanions(MixturePlan plan, MixtureSources sources, string directory, IReporter reporter)
    {
        plan.Options.Form.WriteSettings(plan.Config, directory, reporter);
        MixtureRecord.Write(plan, directory);
        plan.Options.Form.WriteTokenizer(sources.TokenizerDirectory, plan.Config, directory);
        GenerationSettings.Copy(sources.Models[0].Directory, plan.Config.EosTokenIds, directory);
    }
}
