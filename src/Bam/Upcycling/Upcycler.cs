using System.Globalization;
using Bam.Checkpoints;
using Bam.Files;

namespace Bam.Upcycling;

/// <summary>Checkpoint surgery: dense checkpoints to one mixture, without training and without libtorch.</summary>
internal static class Upcycler
{
    /// <summary>Opens the models, plans the mixture and writes it.</summary>
    /// <param name="method">bam, btx, soup or sparse.</param>
    /// <param name="options">The models and what is asked of the mixture.</param>
    /// <param name="output">The checkpoint directory; it appears when whole and replaces an older one.</param>
    /// <param name="reporter">Told of progress and of what the user should know.</param>
    /// <param name="cancellation">Stops, leaving nothing.</param>
    /// <exception cref="InvalidInputException">The models or the options do not fit each other.</exception>
    /// <exception cref="WorkFailedException">The disk is full or cannot be written.</exception>
    public static MixturePlan Mix(string method, MixtureOptions options, string output, IReporter reporter, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        CheckOutput(options, output);
        using var sources = MixtureSources.Open(options.Models, reporter, options.ResizeEmbeddings);
        var plan = MixturePlan.Create(method, options, sources);
        Write(plan, sources, output, reporter, cancellation);
        return plan;
    }

    /// <summary>Refuses an output that may not be written, before anything is read.</summary>
    /// <param name="options">What is asked.</param>
    /// <param name="output">The checkpoint directory to write.</param>
    /// <exception cref="InvalidInputException">It is a file, overlaps a model or a text, or holds anything but an older mixture.</exception>
    public static void CheckOutput(MixtureOptions options, string output)
    {
        ArgumentNullException.ThrowIfNull(options);
        OutputPath.RequireDirectory(output, MixtureFiles.Own, [.. options.Models, .. options.RouterTexts?.Inputs ?? []]);
    }

    /// <summary>Refuses an output that may not or cannot be written, before anything long begins.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="output">The checkpoint directory to write.</param>
    /// <exception cref="InvalidInputException">It is a file, overlaps a model or a text, or holds anything but an older mixture.</exception>
    /// <exception cref="WorkFailedException">The disk has no room for it.</exception>
    public static void CheckOutput(MixturePlan plan, string output)
    {
        ArgumentNullException.ThrowIfNull(plan);
        CheckOutput(plan.Options, output);
        FreeSpace.Require(output, plan.Layout.Length);
    }

    /// <summary>Writes a planned mixture.</summary>
    /// <param name="plan">The plan; with its routers, if they are computed from text.</param>
    /// <param name="sources">The models it was made for.</param>
    /// <param name="output">The checkpoint directory; it appears when whole and replaces an older one.</param>
    /// <param name="reporter">Told of progress and of what the user should know.</param>
    /// <param name="cancellation">Stops, leaving nothing.</param>
    /// <exception cref="WorkFailedException">The disk is full or cannot be written.</exception>
    public static void Write(MixturePlan plan, MixtureSources sources, string output, IReporter reporter, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(reporter);
        if (!plan.IsComplete) throw new ArgumentException("its routers are still to be computed", nameof(plan));
        CheckOutput(plan, output);
        Warn(plan, sources, reporter);
        if (plan.Options.CheckFinite) CheckFinite(sources, reporter, cancellation);
        using var directory = new AtomicDirectory(output, MixtureFiles.Own);
        plan.Options.Form.WriteSettings(plan.Config, directory.TemporaryPath, reporter);
        MixtureRecord.Write(plan, directory.TemporaryPath);
        plan.Options.Form.WriteTokenizer(sources.TokenizerDirectory, plan.Config, directory.TemporaryPath);
        GenerationSettings.Copy(sources.Models[0].Directory, plan.Config.EosTokenIds, directory.TemporaryPath);
        using var writer = new CheckpointWriter(directory.TemporaryPath, plan.Layout);
        new TensorWriter($"mix {plan.Method.Name}", sources.Models, plan.Dtype, plan.Options.RouterSeed).Write(plan.Tensors, writer, reporter, cancellation);
        writer.Complete();
        cancellation.ThrowIfCancellationRequested();
        directory.Commit();
    }

    private static void Warn(MixturePlan plan, MixtureSources sources, IReporter reporter)
    {
        foreach (var warning in sources.Warnings) reporter.Warn(warning);
        if (plan.Config is { NumLocalExperts: > 1, NumExpertsPerTok: 1, NormTopkProb: true })
            reporter.Warn("norm-topk with top-k 1 makes every weight 1: the feed-forward router gets no gradient from the loss");
        if (plan.Options.Weights is { } weights && weights.Sum() is var sum && Math.Abs(sum - 1) > 1e-9)
            reporter.Say(string.Create(CultureInfo.InvariantCulture, $"the weights sum to {sum:0.######} and are divided by it: {string.Join(", ", weights.Select(weight => (weight / sum).ToString("0.####", CultureInfo.InvariantCulture)))}"));
        if (plan.Options.Dtype is not null) return;
        if (sources.Dtype is null) reporter.Warn($"the models have different dtypes; the mixture is {plan.Dtype.TorchName}");
        foreach (var model in sources.Models) model.WarnOfConversion(plan.Dtype, reporter);
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
}
