namespace Bam.Checkpoints.Families;

/// <summary>How config.json of a family becomes a <see cref="ModelConfig"/>, and where its tensors hold the parameters.</summary>
internal sealed record ModelFamily
{
    /// <summary><c>model_type</c> of its config.json.</summary>
    public required string ModelType { get; init; }

    /// <summary>Reads every field that changes the arithmetic.</summary>
    public required Func<JsonFields, ModelConfig> Read { get; init; }

    /// <summary>
    /// Keys that are accepted only with the value that every model of the family has, and this value as JSON; in addition to
    /// <see cref="HarmlessConfigKeys"/>.
    /// </summary>
    public IReadOnlyDictionary<string, string> Harmless { get; init; } = new Dictionary<string, string>();

    /// <summary>Keys that transformers' class of this family does not read.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];

    /// <summary>
    /// The ways to store the model, the usual first: the places of Bam's modules. A module that is not listed is stored under
    /// Bam's own name.
    /// </summary>
    public IReadOnlyList<IReadOnlyDictionary<string, ModuleSource>> Layouts { get; init; } =
    [
        new Dictionary<string, ModuleSource>(),
    ];

    /// <summary>Ends of the names of stored tensors that are not parameters: tables in older files.</summary>
    public IReadOnlyList<string> Buffers { get; init; } = [];

    /// <summary>The name under which a head is stored.</summary>
    public string StoredHead => StoredName(new(ParameterTable.Head, [], ParameterKind.Head));

    /// <summary>The name under which the embedding matrix is stored.</summary>
    public string StoredEmbedding => StoredName(new(ParameterTable.Embedding, [], ParameterKind.Embedding));

    /// <summary>The name of a parameter's tensor in the usual layout, for families that store each in one of its own.</summary>
    public string StoredName(ParameterInfo parameter)
    {
        var (module, suffix) = ModuleNames.Of(parameter);
        return Layouts[0].GetValueOrDefault(module) is ModuleSource.Module stored
            ? ModuleNames.Fill(stored.Name, parameter, suffix)
            : parameter.Name;
    }

    /// <summary>
    /// Where every parameter lies, in the order of <paramref name="parameters"/>: in the first layout all of whose tensors
    /// <paramref name="isStored"/> finds, else in the first.
    /// </summary>
    public IReadOnlyList<TensorSource> SourcesOf(
        IReadOnlyList<ParameterInfo> parameters, ModelConfig config, Predicate<string> isStored)
    {
        var (embedding, head) = (StoredEmbedding, StoredHead);
        List<TensorSource>? usual = null;
        foreach (var layout in Layouts)
        {
            var sources = parameters.Select(parameter => Stored(SourceOf(parameter, config, layout))).ToList();
            if (sources.TrueForAll(source => isStored(source.Tensor))) return sources;
            usual ??= sources;
        }

        return usual!;

        // Of a tied model either matrix may be stored.
        TensorSource Stored(TensorSource source) =>
            config.TieWordEmbeddings && source.Tensor == embedding && !isStored(source.Tensor) && isStored(head)
                ? source with { Tensor = head }
                : source;
    }

    private static TensorSource SourceOf(
        ParameterInfo parameter, ModelConfig config, IReadOnlyDictionary<string, ModuleSource> layout)
    {
        if (layout.Count > 0)
        {
            var (module, suffix) = ModuleNames.Of(parameter);
            if (layout.TryGetValue(module, out var source)) return source.Of(parameter, suffix, config);
        }

        return TensorSource.Whole(parameter.Name, parameter);
    }
}
