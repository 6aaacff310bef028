namespace Bam.Checkpoints;

/// <summary>What must hold between a checkpoint's tensors and its configuration.</summary>
internal static class CheckpointRules
{
    /// <summary>Checks names, shapes and dtypes; gives the one dtype of all parameters.</summary>
    public static TensorDtype Check(string directory, ModelConfig config, IReadOnlyList<ParameterInfo> parameters, ShardSet shards)
    {
        var configPath = Path.Combine(directory, ModelConfig.FileName);
        var dtype = ExpectedDtype(config, parameters, shards);
        foreach (var parameter in parameters)
        {
            if (!shards.Tensors.TryGetValue(parameter.Name, out var tensor))
            {
                throw new InvalidInputException(
                    $"{shards.Files[0].Path}: tensor {parameter.Name}", $"{Describe(parameter)}, as {configPath} says", "none",
                    "is config.json that of another model, or a shard missing?");
            }

            if (!tensor.Shape.SequenceEqual(parameter.Shape))
            {
                throw new InvalidInputException(
                    $"{shards.FileOf(parameter.Name).Path}: tensor {parameter.Name}: shape", $"{Describe(parameter)}, as {configPath} says",
                    TensorShape.Describe(tensor.Shape), "is config.json that of another model?");
            }

            if (tensor.Dtype != dtype)
            {
                throw new InvalidInputException(
                    $"{shards.FileOf(parameter.Name).Path}: tensor {parameter.Name}: dtype",
                    dtype is { } others ? $"{others.SafetensorsName} as in the other tensors" : "a floating-point dtype",
                    tensor.Dtype.SafetensorsName, "convert all tensors to one floating-point dtype");
            }
        }

        if (shards.Tensors.Count == parameters.Count) return dtype!.Value;
        var known = parameters.Select(parameter => parameter.Name).ToHashSet();
        var superfluous = shards.Tensors.Keys.First(name => !known.Contains(name));
        throw new InvalidInputException(
            $"{shards.FileOf(superfluous).Path}: tensor {superfluous}", $"only the {parameters.Count} tensors of {configPath}", "one more",
            "is config.json that of another model?");
    }

    /// <summary>The dtype that config.json declares where some parameter has it, else the most frequent; null where all are integers.</summary>
    private static TensorDtype? ExpectedDtype(ModelConfig config, IReadOnlyList<ParameterInfo> parameters, ShardSet shards)
    {
        var dtypes = parameters
            .Select(parameter => shards.Tensors.GetValueOrDefault(parameter.Name)?.Dtype)
            .Where(dtype => dtype is { IsFloatingPoint: true })
            .Select(dtype => dtype!.Value)
            .ToList();
        if (config.TorchDtype is { } name && TensorDtypes.FromTorchName(name) is { } declared && dtypes.Contains(declared)) return declared;
        return dtypes.Count == 0 ? null : dtypes.CountBy(dtype => dtype).MaxBy(pair => pair.Value).Key;
    }

    private static string Describe(ParameterInfo parameter) => TensorShape.Describe(parameter.Shape);
}
