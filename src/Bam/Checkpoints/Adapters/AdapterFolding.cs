using Bam.Checkpoints.Families;
using Bam.Checkpoints.Safetensors;

namespace Bam.Checkpoints.Adapters;

/// <summary>
/// Folds LoRA adapters in PEFT's format into the stored tensors of their base. A tensor is changed when it is read, by
/// <see cref="LowRankChange"/> and <see cref="DoraScaling"/>.
/// </summary>
internal static class AdapterFolding
{
    /// <summary>The files that determine what an adapter does.</summary>
    public static readonly IReadOnlyList<string> FileNames = [AdapterConfig.FileName, AdapterFile.FileName];

    /// <summary>Folds adapters in, one after the other.</summary>
    /// <exception cref="InvalidInputException">
    /// One cannot be read or does not fit the base, or has a tensor that would not be used.
    /// </exception>
    public static IReadOnlyList<FoldedAdapter> FoldAll(
        IReadOnlyList<string> directories, ShardSet shards, ModelFamily family, ModelConfig config, IReporter reporter)
    {
        var folded = new List<FoldedAdapter>();
        foreach (var directory in directories)
        {
            AdapterFile.Require(directory);
            var settings = AdapterConfig.Read(Path.Combine(directory, AdapterConfig.FileName));
            foreach (var warning in settings.Warnings) reporter.Warn(warning);
            var file = AdapterFile.Open(directory);
            shards.Own(file.File);
            folded.Add(new AdapterFold(directory, file, settings, shards).Run(family, config.TieWordEmbeddings));
        }

        return folded;
    }
}

/// <summary>One adapter, and the tensors that it is folded into.</summary>
internal sealed class AdapterFold(string directory, AdapterFile file, AdapterConfig settings, ShardSet shards)
{
    private const string WeightEnd = ".weight", BiasEnd = ".bias";

    private readonly FactorCache cache = new();
    private readonly List<AdaptedModule> adapted = [];
    private readonly List<string> replaced = [];
    private string[] matricesOfVocabulary = [];

    /// <summary>Folds the adapter in. <paramref name="isTied"/> says that the family's head is the embedding matrix.</summary>
    public FoldedAdapter Run(ModelFamily family, bool isTied)
    {
        var (embedding, head) = (family.StoredEmbedding[..^WeightEnd.Length], family.StoredHead[..^WeightEnd.Length]);
        matricesOfVocabulary = [embedding, head];
        var modules = Locate(isTied ? matricesOfVocabulary : []);
        if (!isTied) FoldModules(modules);
        else FoldTied(modules, modules.ContainsKey(embedding), modules.ContainsKey(head));
        return new(directory, adapted, replaced);
    }

    // PEFT adapts the two uses of a tied matrix separately unless ensure_weight_tying is set. If they are equal after that, the
    // model is read as tied.
    private void FoldTied(
        IReadOnlyDictionary<string, Dictionary<AdapterPart, TensorInfo>> modules, bool changesEmbedding, bool changesHead)
    {
        var (embedding, head) = (matricesOfVocabulary[0] + WeightEnd, matricesOfVocabulary[1] + WeightEnd);
        if (changesEmbedding || changesHead)
        {
            var (hasEmbedding, hasHead) = (shards.Tensors.ContainsKey(embedding), shards.Tensors.ContainsKey(head));
            if (hasEmbedding && !hasHead) shards.Copy(embedding, head);
            if (hasHead && !hasEmbedding) shards.Copy(head, embedding);
        }

        FoldModules(modules);
        if (!settings.TiesWeights || changesEmbedding == changesHead) return;
        if (changesEmbedding) shards.Copy(embedding, head);
        else shards.Copy(head, embedding);
    }

    private void FoldModules(IReadOnlyDictionary<string, Dictionary<AdapterPart, TensorInfo>> modules)
    {
        foreach (var (module, parts) in modules)
        {
            if (parts.Remove(AdapterPart.Weight, out var weight)) Replace(module + WeightEnd, weight);
            if (parts.Remove(AdapterPart.Bias, out var bias)) Replace(module + BiasEnd, bias);
            if (parts.Count > 0) AddLowRank(module, parts);
        }
    }

    /// <summary>
    /// The adapter's modules by their names in the base. Names in an adapter of the model without its head lack the base's
    /// outermost modules; they are matched by their ends.
    /// </summary>
    private SortedDictionary<string, Dictionary<AdapterPart, TensorInfo>> Locate(IReadOnlyList<string> more)
    {
        var stored = shards.Tensors.Keys.Where(name => name.EndsWith(WeightEnd, StringComparison.Ordinal))
            .Select(name => name[..^WeightEnd.Length])
            .Concat(
                shards.Tensors.Keys.Where(name => name.EndsWith(BiasEnd, StringComparison.Ordinal))
                    .Select(name => name[..^BiasEnd.Length]))
            .Concat(more).ToHashSet();
        var found = new SortedDictionary<string, Dictionary<AdapterPart, TensorInfo>>(StringComparer.Ordinal);
        foreach (var (module, parts) in file.Modules)
        {
            var tensor = parts.First().Value;
            string[] names = stored.Contains(module)
                ? [module]
                : [.. stored.Where(name => name.EndsWith("." + module, StringComparison.Ordinal))];
            if (names is not [var name])
            {
                var trainedOn = settings.BaseName is { Length: > 0 } baseName ? $" ({baseName})" : "";
                throw Fault(
                    tensor, $"a module of {BasePath}", $"{(names.Length == 0 ? "none" : "several")} called {module}",
                    $"is this the model that the adapter was trained on{trainedOn}?");
            }

            if (!found.TryAdd(name, parts))
                throw Fault(tensor, $"one adapter of {name}", "another", "the file has two names for one module; remove one");
        }

        return found;
    }

    private void Replace(string name, TensorInfo tensor)
    {
        var stored = Stored(name, tensor);
        RequireShape(tensor, stored.Shape, name);
        shards.Replace(name, file.File, tensor);
        replaced.Add(name);
    }

    private void AddLowRank(string module, Dictionary<AdapterPart, TensorInfo> parts)
    {
        var isEmbedding = parts.ContainsKey(AdapterPart.EmbeddingA) || parts.ContainsKey(AdapterPart.EmbeddingB);
        var (a, b) = isEmbedding
            ? (Take(AdapterPart.EmbeddingA, "lora_embedding_A"), Take(AdapterPart.EmbeddingB, "lora_embedding_B"))
            : (Take(AdapterPart.A, "lora_A"), Take(AdapterPart.B, "lora_B"));
        var name = module + WeightEnd;
        var stored = Stored(name, a);
        if (stored.Shape is not [var rows, var columns])
            throw Fault(a, "an adapter of a matrix", $"{name} {TensorShape.Describe(stored.Shape)}", "merge it with peft");
        var (rank, scale) = (settings.RankOf(module), settings.ScaleOf(module));
        RequireShape(a, isEmbedding ? [rank, rows] : [rank, columns], name);
        RequireShape(b, isEmbedding ? [columns, rank] : [rows, rank], name);
        shards.Change(name, new LowRankChange((int)columns, rank, scale, () => cache.Get(module, Read)));

        if (parts.Remove(AdapterPart.Magnitude, out var magnitude)) AddMagnitude(name, magnitude, isEmbedding);
        else if (settings.IsDora)
            throw Fault(a, $"lora_magnitude_vector of {module}, as use_dora says", "none", "save the adapter again");
        if (parts.Remove(AdapterPart.BiasOfB, out var bias)) AddBias(module + BiasEnd, bias, scale);
        if (parts.Count > 0)
            throw Fault(parts.First().Value, $"one adapter of {module}", "two kinds", "save each adapter alone");
        adapted.Add(new(module, rank, scale, magnitude is not null));

        LowRankFactors Read() => isEmbedding
            ? new(Transposed(Numbers(a), rank), Transposed(Numbers(b), (int)columns))
            : new(Numbers(b), Numbers(a));

        TensorInfo Take(AdapterPart part, string called) =>
            parts.Remove(part, out var tensor)
                ? tensor
                : throw Fault(parts.First().Value, $"{called} of {module} beside it", "none", "save the adapter again");
    }

    private void AddMagnitude(string name, TensorInfo magnitude, bool isEmbedding)
    {
        if (!settings.IsDora)
            throw Fault(magnitude, $"none, as {AdapterConfig.FileName} has no use_dora", "DoRA's lengths", "correct use_dora");
        var (rows, columns) = (shards.Tensors[name].Shape[0], shards.Tensors[name].Shape[1]);
        if (magnitude.Count != (isEmbedding ? columns : rows)) RequireShape(magnitude, [isEmbedding ? columns : rows], name);
        var directions = shards.ChangesOf(name);
        shards.Change(name, new ScalingChange((int)columns, isEmbedding, () =>
        {
            var norms = isEmbedding
                ? DoraScaling.NormsOfColumns(rows, (int)columns, ReadDirections)
                : DoraScaling.NormsOfRows(rows, (int)columns, ReadDirections);
            var factors = DoraScaling.Factors(Numbers(magnitude), norms);
            var bad = Array.FindIndex(factors, factor => !float.IsFinite(factor));
            return bad < 0
                ? factors
                : throw Fault(
                    magnitude, $"a length above 0 of {(isEmbedding ? "column" : "row")} {bad} of {name}", "none",
                    "the base or the adapter is damaged, or not the one that belongs to the other");
        }));

        void ReadDirections(long start, Span<float> values) => shards.ReadFloat32(name, directions, start, values);
    }

    private void AddBias(string name, TensorInfo bias, float scale)
    {
        RequireShape(bias, Stored(name, bias).Shape, name);
        shards.Change(
            name,
            new LowRankChange(columns: 1, rank: 1, scale, () => cache.Get(name, () => new(Numbers(bias), [1]))));
    }

    private TensorInfo Stored(string name, TensorInfo tensor) =>
        shards.Tensors.TryGetValue(name, out var stored)
            ? stored
            : throw Fault(tensor, $"{name} in {BasePath}", "none", "the base lacks what the adapter changes");

    private void RequireShape(TensorInfo tensor, long[] shape, string stored)
    {
        if (tensor.Shape.SequenceEqual(shape)) return;
        var isVocabulary = matricesOfVocabulary.Any(module => stored == module + WeightEnd || stored == module + BiasEnd);
        var hint = isVocabulary && tensor.Shape.Length == shape.Length
            ? "an adapter with added tokens needs the base with as many rows; resize it first (resize_token_embeddings of "
                + "transformers) and save it"
            : $"is this the model that the adapter was trained on, and {AdapterConfig.FileName} the adapter's?";
        throw new InvalidInputException(
            $"{file.File.Path}: tensor {tensor.Name}: shape", $"{TensorShape.Describe(shape)} for {stored}",
            TensorShape.Describe(tensor.Shape), hint);
    }

    private float[] Numbers(TensorInfo tensor)
    {
        var numbers = new float[checked((int)tensor.Count)];
        file.File.ReadFloat32(tensor, 0, numbers);
        var at = Array.FindIndex(numbers, number => !float.IsFinite(number));
        return at < 0
            ? numbers
            : throw new InvalidInputException(
                $"{file.File.Path}: tensor {tensor.Name}{TensorShape.DescribeIndex(tensor.Shape, at)}", "a finite number",
                FormattableString.Invariant($"{numbers[at]}"), "the adapter is damaged or its training diverged");
    }

    private static float[] Transposed(float[] matrix, int rows)
    {
        var columns = matrix.Length / rows;
        var transposed = new float[matrix.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++) transposed[(column * rows) + row] = matrix[(row * columns) + column];
        }

        return transposed;
    }

    private string BasePath => shards.Files[0].Path;

    private InvalidInputException Fault(TensorInfo tensor, string expected, string found, string hint) =>
        new($"{file.File.Path}: tensor {tensor.Name}", expected, found, hint);
}

/// <summary>An adapter that was folded in.</summary>
/// <param name="Directory">Its directory.</param>
/// <param name="Modules">The modules whose matrices it changes, by their names in the base.</param>
/// <param name="Replaced">The tensors of the base that it replaces.</param>
internal sealed record FoldedAdapter(string Directory, IReadOnlyList<AdaptedModule> Modules, IReadOnlyList<string> Replaced);

/// <summary>A module whose matrix an adapter changes by <paramref name="Scale"/>·B·A.</summary>
internal sealed record AdaptedModule(string Name, int Rank, float Scale, bool IsDora);
