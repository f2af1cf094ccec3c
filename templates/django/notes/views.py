from django.forms import ModelForm
from django.shortcuts import redirect, render

from .models import Note


class NoteForm(ModelForm):
    class Meta:
        model = Note
        fields = ["text"]


def index(request):
    form = NoteForm(request.POST or None)
    if form.is_valid():
        form.save()
        return redirect("index")
    return render(request, "notes/index.html", {"form": form, "notes": Note.objects.all()})
