namespace Bam.Checkpoints;

/// <summary>Bam's own form, which expresses every model.</summary>
internal sealed class OwnForm : ICheckpointForm
{
    private OwnForm() { }

    /// <summary>The only one.</summary>
    public static OwnForm Instance { get; } = new();

    /// <inheritdoc/>
    public void Require(ModelConfig config, string where) { }

    /// <inheritdoc/>
    public string NameOf(ParameterInfo parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return parameter.Name;
    }

    /// <inheritdoc/>
    public void WriteSettings(ModelConfig config, string directory, IReporter reporter)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Save(directory);
    }

    /// <inheritdoc/>
    public void WriteTokenizer(string source, ModelConfig config, string directory) => TokenizerFile.CopyAll(source, directory);
}
