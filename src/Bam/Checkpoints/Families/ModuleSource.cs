namespace Bam.Checkpoints.Families;

/// <summary>Where a family stores one of Bam's modules (a matrix or norm, with its bias).</summary>
internal abstract record ModuleSource
{
    private ModuleSource() { }

    /// <summary>Where a parameter of the module lies.</summary>
    /// <param name="parameter">The parameter, in Bam's names and shape.</param>
    /// <param name="suffix">"weight" or "bias".</param>
    /// <param name="config">The model's sizes.</param>
    public abstract TensorSource Of(ParameterInfo parameter, string suffix, ModelConfig config);

    /// <summary>A module of its own.</summary>
    /// <param name="Name">Its name, with {layer} and {expert}.</param>
    public sealed record Module(string Name) : ModuleSource
    {
        /// <inheritdoc/>
        public override TensorSource Of(ParameterInfo parameter, string suffix, ModelConfig config) =>
            new($"{ModuleNames.Fill(Name, parameter)}.{suffix}", parameter.Shape, 0, parameter.Count, parameter.Count);
    }

    /// <summary>One of several parts that alternate head by head in the rows of one module: head 0's queries, keys, values, head 1's …</summary>
    /// <param name="Name">The module's name, with {layer}.</param>
    /// <param name="Part">Which part.</param>
    /// <param name="Parts">Of how many.</param>
    public sealed record PartOfHeads(string Name, int Part, int Parts) : ModuleSource
    {
        /// <inheritdoc/>
        public override TensorSource Of(ParameterInfo parameter, string suffix, ModelConfig config)
        {
            var stretch = config.HeadDim * parameter.Count / parameter.Shape[0];
            return new(
                $"{ModuleNames.Fill(Name, parameter)}.{suffix}", [Parts * parameter.Shape[0], .. parameter.Shape[1..]], Part * stretch, stretch, Parts * stretch);
        }
    }

    /// <summary>The rows of one expert in a tensor [experts, parts · rows, columns], which has no suffix.</summary>
    /// <param name="Name">The tensor's name, with {layer}.</param>
    /// <param name="Part">Which part of an expert's rows.</param>
    /// <param name="Parts">Of how many.</param>
    public sealed record PartOfExperts(string Name, int Part = 0, int Parts = 1) : ModuleSource
    {
        /// <inheritdoc/>
        public override TensorSource Of(ParameterInfo parameter, string suffix, ModelConfig config) =>
            new(
                ModuleNames.Fill(Name, parameter), [config.NumLocalExperts, Parts * parameter.Shape[0], parameter.Shape[1]],
                ((long)parameter.Expert * Parts + Part) * parameter.Count, parameter.Count, parameter.Count);
    }
}
