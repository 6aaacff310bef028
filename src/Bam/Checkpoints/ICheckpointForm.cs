namespace Bam.Checkpoints;

/// <summary>The form of a model's directory: its tensors' names, its <c>config.json</c>, and the files beside them.</summary>
internal interface ICheckpointForm
{
    /// <summary>Refuses a model, called <paramref name="where"/> in the message, that the form cannot express exactly.</summary>
    /// <exception cref="InvalidInputException">Says what cannot be expressed.</exception>
    void Require(ModelConfig config, string where);

    /// <summary>
    /// The model with the parts that the form requires and that change no result, as <see cref="NeutralSharedExpert"/>.
    /// </summary>
    ModelConfig Complete(ModelConfig config) => config;

    /// <summary>The name under which a parameter is stored.</summary>
    string NameOf(ParameterInfo parameter);

    /// <summary>
    /// Writes <c>config.json</c> and all other files of the form except tensors into an existing directory, and warns of settings
    /// that readers of the form ignore.
    /// </summary>
    void WriteSettings(ModelConfig config, string directory, IReporter reporter);

    /// <summary>Copies a model's tokenizer, if it has one, with the settings that the form's readers need.</summary>
    /// <exception cref="InvalidInputException">The tokenizer is damaged.</exception>
    void WriteTokenizer(string source, ModelConfig config, string directory);
}

/// <summary>Bam's own form, which expresses every model.</summary>
internal sealed class OwnForm : ICheckpointForm
{
    private OwnForm() { }

    public static OwnForm Instance { get; } = new();

    public void Require(ModelConfig config, string where) { }

    public string NameOf(ParameterInfo parameter)
    {
        return parameter.Name;
    }

    public void WriteSettings(ModelConfig config, string directory, IReporter reporter)
    {
        config.Save(directory);
    }

    public void WriteTokenizer(string source, ModelConfig config, string directory) => TokenizerFile.CopyAll(source, directory);
}
