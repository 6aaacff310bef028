namespace Bam.Checkpoints;

/// <summary>What is in a checkpoint.</summary>
/// <param name="Directory">The directory.</param>
/// <param name="ModelType">"bam", or the family that it comes from.</param>
/// <param name="Kind">"dense", "BAM, expert KV" …</param>
/// <param name="Config">The configuration.</param>
/// <param name="Dtypes">The dtypes of the tensors that hold the parameters, the most frequent first.</param>
/// <param name="Parameters">All parameters; a tied head counts once.</param>
/// <param name="Components">The same by kind, in the format's order.</param>
/// <param name="Files">The safetensors files.</param>
/// <param name="TokenizerIds">How many ids the tokenizer can give; null without a tokenizer.</param>
internal sealed record CheckpointSummary(
    string Directory,
    string ModelType,
    string Kind,
    ModelConfig Config,
    IReadOnlyList<DtypeCount> Dtypes,
    long Parameters,
    IReadOnlyList<ComponentSize> Components,
    IReadOnlyList<WeightFile> Files,
    int? TokenizerIds)
{
    /// <summary>Summarises an open checkpoint.</summary>
    /// <exception cref="InvalidInputException">The tokenizer cannot be read.</exception>
    public static CheckpointSummary Of(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        return new(
            checkpoint.Directory,
            checkpoint.ModelType,
            DescribeKind(checkpoint.Config),
            checkpoint.Config,
            checkpoint.Dtypes,
            checkpoint.Parameters.Sum(parameter => parameter.Count),
            [
                .. checkpoint.Parameters.GroupBy(parameter => parameter.Kind)
                    .Select(group => new ComponentSize(group.Key, group.Count(), group.Sum(parameter => parameter.Count))),
            ],
            [.. checkpoint.Files.Select(file => new WeightFile(Path.GetFileName(file.Path), file.Tensors.Count, file.Length))],
            TokenizerFile.Find(checkpoint.Directory) is { } tokenizer ? TokenizerFile.CountIds(tokenizer) : null);
    }

    private static string DescribeKind(ModelConfig config) => config switch
    {
        { IsMixture: false } => "dense",
        { NumAttentionExperts: 1 } => "mixture of feed-forward experts, as BTX",
        { ShareKeyValue: true } => "BAM, shared KV",
        _ => "BAM, expert KV",
    };
}
