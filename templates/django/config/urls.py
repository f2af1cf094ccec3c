from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("notes.urls")),
    # To sign in there, first: .venv/bin/python manage.py createsuperuser
    path("admin/", admin.site.urls),
]
