using Bam.Checkpoints.Adapters;

namespace Bam.Checkpoints.Opening;

/// <summary>The contents of a checkpoint. A tied head counts once; without a tokenizer its number of ids is null.</summary>
internal sealed record CheckpointSummary(
    string Name,
    string Directory,
    IReadOnlyList<FoldedAdapter> Adapters,
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
        return new(
            checkpoint.Name,
            checkpoint.Directory,
            checkpoint.Adapters,
            checkpoint.ModelType,
            DescribeKind(checkpoint.Config),
            checkpoint.Config,
            checkpoint.Dtypes,
            checkpoint.Parameters.Sum(parameter => parameter.Count),
            [
                // By name: an enumeration as a key is compiled at each start (decision 0161).
                .. checkpoint.Parameters.GroupBy(parameter => parameter.Kind.ToString()).Select(
                    group => new ComponentSize(group.First().Kind, group.Count(), group.Sum(parameter => parameter.Count))),
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

/// <summary>The tensors of one kind, and how many numbers they hold together.</summary>
internal sealed record ComponentSize(ParameterKind Kind, int Tensors, long Parameters);

/// <summary>A safetensors file of a checkpoint by its name in the directory.</summary>
internal sealed record WeightFile(string Name, int Tensors, long Bytes);
